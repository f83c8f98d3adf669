//! Differences between the platforms of a release.

use anyhow::Result;
use oomtrace_object::Arch;

use crate::host::setup;

/// A platform of a release.
#[derive(Clone, Copy)]
pub(crate) struct Platform {
    /// The compiler's target triple.
    pub(super) triple: &'static str,
    /// The C compiler that links for it.
    pub(super) linker: &'static str,
    /// The Debian packages with that compiler and the static C library, on an x86_64 machine.
    packages: &'static [&'static str],
}

const X86_64: Platform = Platform {
    triple: "x86_64-unknown-linux-gnu",
    linker: "x86_64-linux-gnu-gcc",
    packages: &["gcc", "libc6-dev"],
};

const AARCH64: Platform = Platform {
    triple: "aarch64-unknown-linux-gnu",
    linker: "aarch64-linux-gnu-gcc",
    packages: &["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"],
};

impl Platform {
    /// The platform of an architecture.
    pub(crate) const fn of(arch: Arch) -> Self {
        match arch {
            Arch::X86_64 => X86_64,
            Arch::Aarch64 => AARCH64,
        }
    }

    /// Installs the packages that linking needs.
    pub(super) fn install_linker(self) -> Result<()> {
        setup::apt(self.packages)
    }
}
