//! The jobs of a guest, apart from running scenarios.

pub(super) mod command;
pub(super) mod cost;
pub(super) mod experiment;
pub(super) mod fixed_work;
pub(super) mod read_only;
pub(super) mod reset;
pub(super) mod storm;
