//! The walker and the requirements of oomtrace, included as source files. They cannot be a dependency, because building
//! oomtrace needs the eBPF object that this program builds.

#![expect(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "public items of another crate's modules, of which this one uses a part"
)]

#[path = "../../../oomtrace/src/kernel/btf/mod.rs"]
pub(crate) mod btf;
#[path = "../../../oomtrace/src/kernel/facts/mod.rs"]
pub(crate) mod facts;
#[path = "../../../oomtrace/src/kernel/layout.rs"]
pub(crate) mod layout;
#[path = "../../../oomtrace/src/kernel/require/mod.rs"]
pub(crate) mod require;
