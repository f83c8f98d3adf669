//! The running kernel: its structures, and what it allows oomtrace to do.

pub mod btf;
pub mod clock;
pub mod cmdlines;
pub mod code;
pub mod facts;
#[cfg(any(test, feature = "faults"))]
pub(crate) mod fault;
pub mod kallsyms;
pub mod killers;
pub mod layout;
pub mod load;
pub mod peer;
pub mod pid_namespace;
pub mod privilege;
pub mod protect;
pub mod require;
pub(crate) mod reserve;
pub mod selfcheck;
pub mod start;
pub mod system_calls;
pub mod tier;
pub mod time_namespace;
pub mod tracefs;

#[cfg(test)]
mod tests;
