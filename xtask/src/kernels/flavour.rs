//! The flavours of Debian's kernels and their names.

use anyhow::{Result, bail};
use oomtrace_object::Arch;

/// A flavour of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    /// With drivers for virtual machines only: the smallest, and the default.
    Cloud,
    /// With all drivers.
    Full,
    /// With all drivers, and `CONFIG_PREEMPT_RT`.
    Rt,
    /// With pages of 16 KiB (arm64, from 6.12 on).
    Pages16k,
}

impl Flavour {
    const ALL: [Self; 4] = [Self::Cloud, Self::Full, Self::Rt, Self::Pages16k];

    /// Parses the flavour after the numbers of a series: `6.12-rt`. Without a name it is [`Self::Cloud`].
    pub(super) fn parse(name: Option<&str>, arch: Arch) -> Result<Self> {
        let Some(name) = name else { return Ok(Self::Cloud) };
        let known = Self::ALL.into_iter().filter(|flavour| flavour.ending(arch).is_some());
        let Some(flavour) = known.clone().find(|flavour| flavour.name() == name) else {
            let names: Vec<&str> = known.map(Self::name).collect();
            bail!("no kernel flavour `{name}` for {arch}; expected one of {}", names.join(", "))
        };
        Ok(flavour)
    }

    /// Its name in a series.
    fn name(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::Full => "full",
            Self::Rt => "rt",
            Self::Pages16k => "16k",
        }
    }

    /// The end of its releases: `6.12.117+deb13-cloud-amd64`. `None` if Debian does not build it for the architecture.
    pub(super) fn ending(self, arch: Arch) -> Option<&'static str> {
        match (self, arch) {
            (Self::Cloud, Arch::X86_64) => Some("cloud-amd64"),
            (Self::Full, Arch::X86_64) => Some("amd64"),
            (Self::Rt, Arch::X86_64) => Some("rt-amd64"),
            (Self::Pages16k, Arch::X86_64) => None,
            (Self::Cloud, Arch::Aarch64) => Some("cloud-arm64"),
            (Self::Full, Arch::Aarch64) => Some("arm64"),
            (Self::Rt, Arch::Aarch64) => Some("rt-arm64"),
            (Self::Pages16k, Arch::Aarch64) => Some("arm64-16k"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_flavour_of_an_architecture() {
        let parse = |name, arch| Flavour::parse(Some(name), arch);
        assert_eq!(parse("16k", Arch::Aarch64).unwrap(), Flavour::Pages16k);
        let error = parse("16k", Arch::X86_64).unwrap_err().to_string();
        assert_eq!(error, "no kernel flavour `16k` for x86_64; expected one of cloud, full, rt");
        assert_eq!(Flavour::parse(None, Arch::X86_64).unwrap(), Flavour::Cloud);
    }
}
