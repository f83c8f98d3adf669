//! Every kind of decision as the hooks report it, and the report that it must give: on all tiers, with lost, late and damaged
//! frames.
#![cfg(test)]

mod acts;
mod afterwards;
mod announced;
mod ballot;
mod candidates;
mod chains;
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
mod sigterm;
mod stream;
mod survivors;
mod threads;
mod total;
mod userspace;
