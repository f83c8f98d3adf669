//! Readers of the kernel's structures. Every offset comes from [`layout`]. When the compiler can emit relocations itself, only
//! this directory has to change.

pub(crate) mod arguments;
pub(crate) mod candidate;
pub(crate) mod executable;
pub(crate) mod layout;
pub(crate) mod memcg;
pub(crate) mod memory;
pub(crate) mod percpu;
pub(crate) mod read;
pub(crate) mod stack;
pub(crate) mod swap;
pub(crate) mod task;
pub(crate) mod zones;
