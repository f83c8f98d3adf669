//! How the object is compiled: everything of the command line that decides its bytes. Part of the stamp.

use std::{ffi::OsString, path::Path};

use crate::Arch;

/// The linker's version: the newest that links against the LLVM of the compiler in use, LLVM 22.
pub const BPF_LINKER_VERSION: &str = "0.10.4";

/// Where eBPF bytecode runs: little-endian, no operating system. Both architectures are little-endian.
pub(crate) const TARGET: &str = "bpfel-unknown-none";

/// A profile of its own, so that no change of the workspace's profiles changes the object. All is spelt out, so
/// that nothing is inherited.
pub(crate) const PROFILE: [&str; 10] = [
    "inherits = 'release'",
    "opt-level = 3",
    // The loader needs BTF, which the linker makes from debug information.
    "debug = 2",
    "strip = 'none'",
    "lto = true",
    "codegen-units = 1",
    "panic = 'abort'",
    "incremental = false",
    "debug-assertions = false",
    "overflow-checks = false",
];

/// As aya-build passes them.
const RUSTFLAGS: [&str; 2] = ["-Cdebuginfo=2", "-Clink-arg=--btf"];

/// What cargo is told besides, as aya-build does: `core` is compiled for the target, which has none prebuilt.
pub(crate) const BUILD_STD: [&str; 2] = ["-Z", "build-std=core"];

/// The folders that BTF's line information would otherwise name, and what stands there instead.
pub(crate) const WORKSPACE_AS: &str = "/oomtrace";
pub(crate) const SYSROOT_AS: &str = "/rust";
pub(crate) const REGISTRY_AS: &str = "/registry";

/// The recipe as text, for the stamp.
pub(crate) fn text() -> String {
    let lines = [["bpf-linker", BPF_LINKER_VERSION], ["target", TARGET]].map(|pair| pair.join(" "));
    let renamed = [WORKSPACE_AS, SYSROOT_AS, REGISTRY_AS].join(" ");
    let profile = PROFILE.join("\n");
    [
        lines.join("\n"),
        profile,
        RUSTFLAGS.join(" "),
        BUILD_STD.join(" "),
        renamed,
        "debug sections removed".to_owned(),
    ]
    .join("\n")
}

/// The compiler's flags in the form of `CARGO_ENCODED_RUSTFLAGS`.
pub(crate) fn rustflags(arch: Arch, renamed: &[(impl AsRef<Path>, &str)]) -> OsString {
    let mut flags = OsString::from(format!("--cfg=bpf_target_arch=\"{arch}\""));
    for flag in RUSTFLAGS {
        flags.push("\x1f");
        flags.push(flag);
    }
    for (folder, name) in renamed {
        flags.push("\x1f--remap-path-prefix=");
        flags.push(folder.as_ref());
        flags.push(format!("={name}"));
    }
    flags
}
