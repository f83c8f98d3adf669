//! The platforms that programs are built for: the compiler's name of each, and the C compiler that links for it.

use std::env::consts::ARCH;

use anyhow::{Context as _, Result};
use oomtrace_object::Arch;

use super::setup;

/// A platform.
#[derive(Clone, Copy)]
pub(crate) struct Platform {
    arch: Arch,
    /// The compiler's target triple.
    pub(crate) triple: &'static str,
    /// The C compiler that links for it.
    pub(crate) linker: &'static str,
    /// The Debian packages with that compiler and the static C library, on a machine of another architecture.
    foreign_packages: [&'static str; 2],
}

/// The same on a machine of the same architecture.
const OWN_PACKAGES: [&str; 2] = ["gcc", "libc6-dev"];

const X86_64: Platform = Platform {
    arch: Arch::X86_64,
    triple: "x86_64-unknown-linux-gnu",
    linker: "x86_64-linux-gnu-gcc",
    foreign_packages: ["gcc-x86-64-linux-gnu", "libc6-dev-amd64-cross"],
};

const AARCH64: Platform = Platform {
    arch: Arch::Aarch64,
    triple: "aarch64-unknown-linux-gnu",
    linker: "aarch64-linux-gnu-gcc",
    foreign_packages: ["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"],
};

impl Platform {
    /// The platform of an architecture.
    pub(crate) const fn of(arch: Arch) -> Self {
        match arch {
            Arch::X86_64 => X86_64,
            Arch::Aarch64 => AARCH64,
        }
    }

    /// Whether this machine has another architecture.
    pub(crate) fn is_foreign(self) -> bool {
        self.arch.name() != ARCH
    }

    /// The name of one of cargo's environment variables for this platform, such as `CARGO_TARGET_…_LINKER`.
    pub(crate) fn variable(self, setting: &str) -> String {
        format!("CARGO_TARGET_{}_{setting}", self.triple.to_uppercase().replace('-', "_"))
    }

    /// Installs the packages that linking needs.
    ///
    /// # Errors
    /// If a package cannot be installed.
    pub(crate) fn install_linker(self) -> Result<()> {
        let packages = if self.is_foreign() { self.foreign_packages } else { OWN_PACKAGES };
        setup::apt(&packages).with_context(|| format!("installing a C compiler for {}", self.arch))
    }
}
