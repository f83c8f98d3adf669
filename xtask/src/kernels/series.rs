//! Kernel series and the Debian suites that contain them.

use anyhow::{Context as _, Result, ensure};
use oomtrace_object::Arch;

use super::flavour::Flavour;

/// The series that the tests boot, each with its suite. They cover every shape of the kernel's structures that KernelLayout
/// knows.
pub(super) const KNOWN: [(&str, &str); 5] = [
    ("5.10", "bullseye"),
    ("6.1", "bookworm"),
    ("6.12", "trixie"),
    ("6.18", "trixie-backports"),
    ("7.3", "trixie-backports"),
];

/// Other series in use, with their suites.
const OTHERS: [(&str, &str); 4] = [
    ("6.16", "trixie-backports"),
    ("6.19", "trixie-backports"),
    ("7.0", "trixie-backports"),
    ("7.2", "trixie-backports"),
];

/// A kernel series and its source.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Series {
    name: String,
    numbers: String,
    flavour: Flavour,
    suite: String,
    arch: Arch,
}

impl Series {
    /// Parses `6.12`, or `7.2=sid` for an unknown series. A flavour may follow the numbers: `6.12-16k`.
    pub(super) fn parse(text: &str, arch: Arch) -> Result<Self> {
        let (name, suite) = text.split_once('=').map_or((text, None), |(name, suite)| (name, Some(suite)));
        let (numbers, flavour) =
            name.split_once('-').map_or((name, None), |(numbers, flavour)| (numbers, Some(flavour)));
        let suite = suite.map_or_else(|| suite_of(numbers), Ok)?;
        let is_plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let is_number = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
        let is_series = numbers.split('.').count() == 2 && numbers.split('.').all(is_number);
        ensure!(
            is_series && is_plain(suite) && !suite.is_empty(),
            "{text}: a series is 6.12, 6.12-rt with its flavour, or 7.2=sid with its suite"
        );
        let flavour = Flavour::parse(flavour, arch)?;
        let [name, numbers, suite] = [name, numbers, suite].map(str::to_owned);
        Ok(Self { name, numbers, flavour, suite, arch })
    }

    /// Its numbers and its flavour: `6.12`, `6.12-16k`.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn suite(&self) -> &str {
        &self.suite
    }

    pub(super) fn arch(&self) -> Arch {
        self.arch
    }

    /// The release in the name of an image package of this series, such as `6.12.117+deb13-cloud-amd64`.
    pub(super) fn release_in<'a>(&self, package: &'a str) -> Option<&'a str> {
        let release = package.strip_prefix("linux-image-")?;
        let rest = release.strip_prefix(&self.numbers)?.strip_prefix('.')?;
        let (_, ending) = rest.split_once('-').map(|(version, rest)| (version, without_abi(rest)))?;
        (Some(ending) == self.flavour.ending(self.arch)).then_some(release)
    }
}

/// Removes Debian's own number, which follows the kernel's up to 6.1: `6.1.0-50-cloud-amd64`.
fn without_abi(rest: &str) -> &str {
    match rest.split_once('-') {
        Some((number, ending)) if number.bytes().all(|byte| byte.is_ascii_digit()) => ending,
        _ => rest,
    }
}

fn suite_of(series: &str) -> Result<&'static str> {
    let known = || KNOWN.map(|(series, _)| series).join(", ");
    KNOWN
        .iter()
        .chain(&OTHERS)
        .find_map(|(name, suite)| (*name == series).then_some(*suite))
        .with_context(|| format!("{series}: not one of {}; name its Debian suite, as in 7.2=sid", known()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requires_a_known_series_or_a_suite() {
        let suite = |text| Series::parse(text, Arch::X86_64).map(|series| series.suite);
        assert_eq!(suite("6.18").unwrap(), "trixie-backports");
        assert_eq!(suite("7.2=sid").unwrap(), "sid");
        assert_eq!(suite("6.12-rt").unwrap(), "trixie");
        assert_eq!(suite("7.2").unwrap(), "trixie-backports");
        assert!(suite("7.1").unwrap_err().to_string().contains("name its Debian suite"));
        for bad in ["", "6", "6.12=", "6.=sid", "../6.1=sid", "6.1=a/b", "6.1.2=sid", "6.12-../a", "6.12-16k"]
        {
            assert!(suite(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn finds_image_packages_of_a_series() {
        let series = Series::parse("6.1", Arch::X86_64).unwrap();
        assert_eq!(series.release_in("linux-image-6.1.0-50-cloud-amd64"), Some("6.1.0-50-cloud-amd64"));
        let others = [
            "6.12.1-cloud-amd64",
            "6.1.0-50-amd64",
            "6.1.0-50-cloud-amd64-dbg",
            "6.1.0-50-cloud-arm64",
            "cloud-amd64",
        ];
        for other in others {
            assert_eq!(series.release_in(&format!("linux-image-{other}")), None, "{other}");
        }
    }

    #[test]
    fn finds_image_packages_of_a_flavour() {
        let releases = [
            "6.12.117+deb13-arm64",
            "6.12.117+deb13-arm64-16k",
            "6.12.117+deb13-cloud-arm64",
            "6.12.117+deb13-rt-arm64",
            "6.1.0-50-rt-arm64",
        ];
        let of = |text| {
            let series = Series::parse(text, Arch::Aarch64).unwrap();
            let found = |release: &&str| series.release_in(&format!("linux-image-{release}")).is_some();
            releases.into_iter().filter(found).collect::<Vec<_>>()
        };
        assert_eq!(of("6.12-16k"), ["6.12.117+deb13-arm64-16k"]);
        assert_eq!(of("6.12-full"), ["6.12.117+deb13-arm64"]);
        assert_eq!(of("6.12"), ["6.12.117+deb13-cloud-arm64"]);
        assert_eq!(of("6.1-rt"), ["6.1.0-50-rt-arm64"]);
    }
}
