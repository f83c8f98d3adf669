//! Readers over the kernel's structures. Every offset comes from [`layout`]; when the compiler can emit relocations
//! itself, this folder is what changes.

pub(crate) mod arguments;
pub(crate) mod candidate;
pub(crate) mod layout;
pub(crate) mod memcg;
pub(crate) mod memory;
pub(crate) mod read;
pub(crate) mod stack;
pub(crate) mod task;
pub(crate) mod zones;
