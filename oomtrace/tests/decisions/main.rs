//! Every way a decision can go, as the hooks tell it, and what must be reported of it: for all tiers, with frames lost,
//! late and damaged.
#![cfg(test)]

mod acts;
mod ballot;
mod candidates;
mod clock;
mod empty;
mod gaps;
mod history;
mod inferred;
mod inside;
mod lead_up;
mod memory_stat;
mod outside;
mod paths;
mod pid_namespace;
mod shortage;
mod stream;
mod survivors;
mod threads;
mod total;
mod userspace;
