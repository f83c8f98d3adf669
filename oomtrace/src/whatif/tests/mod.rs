//! Tests that repeat hand-made decisions.

pub(crate) mod example;
mod group;
mod limit;
mod memory;
mod policy;
mod refusals;
mod vote;
mod words;
