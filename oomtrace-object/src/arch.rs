//! The architectures that have an object.

use std::fmt;

/// An architecture that has an eBPF object. One object cannot serve all: the names and places of a kprobe's registers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Arch {
    /// AMD64.
    X86_64,
    /// ARM64.
    Aarch64,
}

impl Arch {
    /// All architectures that have an object, in the order of the stamp.
    pub const ALL: [Self; 2] = [Self::X86_64, Self::Aarch64];

    /// The name as in `CARGO_CFG_TARGET_ARCH` and in `cfg(bpf_target_arch)`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// The architecture with this name, or `None` if there is no object for it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|arch| arch.name() == name)
    }

    /// The file name of the architecture's object.
    #[must_use]
    pub const fn object_file(self) -> &'static str {
        match self {
            Self::X86_64 => "oomtrace-x86_64.o",
            Self::Aarch64 => "oomtrace-aarch64.o",
        }
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
