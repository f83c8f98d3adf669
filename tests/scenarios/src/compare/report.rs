//! Compares one report with the witnesses of its decision.

pub(super) mod account;
pub(super) mod call_trace;
pub(super) mod candidates;
pub(super) mod choice;
pub(super) mod collateral;
pub(super) mod date;
pub(super) mod domain;
pub(super) mod followed;
pub(super) mod incident;
pub(super) mod machine;
pub(super) mod user_kill;
pub(super) mod victim;
