//! This machine: its directories, tools, packages and programs, which all tasks use.

pub(super) mod browser;
pub(super) mod cross;
pub(super) mod debian;
pub(super) mod platform;
pub(super) mod run;
pub(super) mod scratch;
pub(super) mod setup;
pub(super) mod workspace;
