//! Builds oomtrace's eBPF object, stamps it, and detects a stale one.
//!
//! Two programs must agree on this byte for byte, so both use this crate: `cargo xtask ebpf`, which builds and checks the
//! committed objects, and `oomtrace/build.rs`, which embeds one.
//!
//! * [`Inputs`] digests everything in the repository that decides the object's bytes.
//! * [`Stamp`] is the text file beside the objects: that digest, the tools, and a digest of each object.
//! * [`Toolchain`] finds the tools on this machine. [`compile`] builds the object with them.

mod arch;
mod compile;
mod digest;
mod error;
mod inputs;
mod lock;
mod recipe;
mod stamp;
mod strip;
mod toolchain;

pub use arch::Arch;
pub use compile::{FOREIGN_VARIABLES, cargo, compile, directory_of_this_machine, renamed_directories};
pub use error::{Error, Result};
pub use inputs::Inputs;
pub use recipe::BPF_LINKER_VERSION;
pub use stamp::{STAMP_FILE, Stamp};
pub use strip::strip_debug;
pub use toolchain::{
    LIBRARY_MARK, TOOLS_DIRECTORY, Toolchain, find_linker, require_library, rustc_release, rustc_sysroot,
};

/// The command that brings the committed objects up to date. Every message names it this way.
pub const REBUILD: &str = "cargo xtask ebpf";
