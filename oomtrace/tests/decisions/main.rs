//! Every way a decision can go, as the hooks tell it, and what must be reported of it: for all tiers, with frames lost,
//! late and damaged.
#![cfg(test)]

mod empty;
mod gaps;
mod inside;
mod outside;
mod paths;
mod stream;
mod total;
mod userspace;
