//! The build recipe: all parts of the command line that decide the object's bytes. It is part of the stamp.

use std::{ffi::OsString, path::Path};

use crate::Arch;

/// The linker's version: the newest one that links against LLVM 22, the LLVM of the compiler in use.
pub const BPF_LINKER_VERSION: &str = "0.10.4";

/// The target of eBPF bytecode: little-endian, no operating system. Both architectures are little-endian.
pub(crate) const TARGET: &str = "bpfel-unknown-none";

/// A separate profile, so that no change of the workspace's profiles changes the object. It sets every option, so it inherits
/// none.
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

/// The same flags that aya-build passes.
const RUSTFLAGS: [&str; 2] = ["-Cdebuginfo=2", "-Clink-arg=--btf"];

/// Compiles `core` for the target, which has no prebuilt one. aya-build does the same.
pub(crate) const BUILD_STD: [&str; 2] = ["-Z", "build-std=core"];

/// The names that replace directories in BTF's line information: the workspace, the compiler's sysroot, the registries.
pub(crate) const WORKSPACE_AS: &str = "/oomtrace";
pub(crate) const SYSROOT_AS: &str = "/rust";
pub(crate) const REGISTRY_AS: &str = "/registry";

/// The recipe as text for the stamp.
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
    for (directory, name) in renamed {
        flags.push("\x1f--remap-path-prefix=");
        flags.push(directory.as_ref());
        flags.push(format!("={name}"));
    }
    flags
}
