//! Decisions made by hand, decided again.

mod example;
mod group;
mod limit;
mod policy;
mod refusals;
mod vote;
mod words;
