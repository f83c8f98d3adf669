//! How oomtrace's eBPF object is built, stamped and told apart from a stale one.
//!
//! Two programs need to agree on this to the byte, so it stands here once: `cargo xtask ebpf`, which builds the
//! committed objects and checks them, and `oomtrace/build.rs`, which embeds one.
//!
//! * [`Inputs`] digests all that decides the object's bytes and lies in the repository.
//! * [`Stamp`] is the text file beside the objects: that digest, the tools, and a digest of each object.
//! * [`Toolchain`] finds the tools on this machine; [`compile`] makes the object with them.

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
pub use compile::{FOREIGN_VARIABLES, cargo, compile, folder_of_this_machine, renamed_folders};
pub use error::{Error, Result};
pub use inputs::Inputs;
pub use recipe::BPF_LINKER_VERSION;
pub use stamp::{STAMP_FILE, Stamp};
pub use strip::strip_debug;
pub use toolchain::{
    LIBRARY_MARK, TOOLS_FOLDER, Toolchain, find_linker, require_library, rustc_release, rustc_sysroot,
};

/// The one command that brings the committed objects up to date, as every message names it.
pub const REBUILD: &str = "cargo xtask ebpf";
