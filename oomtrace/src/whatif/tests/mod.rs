//! Decisions made by hand, decided again.

pub(crate) mod example;
mod group;
mod limit;
mod memory;
mod policy;
mod refusals;
mod vote;
mod words;
