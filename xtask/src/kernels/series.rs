//! Kernel series and the Debian suites that hold them.

use anyhow::{Context as _, Result, ensure};

/// The series that the tests boot, each with its suite: every shape of the kernel's structures that KernelLayout
/// knows is among them.
pub(super) const KNOWN: [(&str, &str); 5] = [
    ("5.10", "bullseye"),
    ("6.1", "bookworm"),
    ("6.12", "trixie"),
    ("6.18", "trixie-backports"),
    ("7.3", "trixie-backports"),
];

/// A kernel series and where it comes from.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Series {
    name: String,
    suite: String,
}

impl Series {
    /// Reads `6.12`, or `7.2=sid` for one that is not known.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let (name, suite) = match text.split_once('=') {
            Some((name, suite)) => (name, suite),
            None => (text, suite_of(text)?),
        };
        let is_plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let is_number = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
        let is_series = name.split('.').count() == 2 && name.split('.').all(is_number);
        ensure!(
            is_series && is_plain(suite) && !suite.is_empty(),
            "{text}: a series is 6.12, or 7.2=sid with its suite"
        );
        Ok(Self { name: name.to_owned(), suite: suite.to_owned() })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn suite(&self) -> &str {
        &self.suite
    }

    /// The release in the name of an image package of this series, such as `6.12.117+deb13-cloud-amd64`.
    pub(super) fn release_in<'a>(&self, package: &'a str) -> Option<&'a str> {
        let release = package.strip_prefix("linux-image-")?;
        let rest = release.strip_prefix(&self.name)?;
        (rest.starts_with('.') && release.ends_with("-cloud-amd64")).then_some(release)
    }
}

fn suite_of(series: &str) -> Result<&'static str> {
    let known = || KNOWN.map(|(series, _)| series).join(", ");
    KNOWN
        .iter()
        .find_map(|(name, suite)| (*name == series).then_some(*suite))
        .with_context(|| format!("{series}: not one of {}; name its Debian suite, as in 7.2=sid", known()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_has_a_suite_or_names_it() {
        let suite = |text| Series::parse(text).map(|series| series.suite);
        assert_eq!(suite("6.18").unwrap(), "trixie-backports");
        assert_eq!(suite("7.2=sid").unwrap(), "sid");
        assert!(suite("7.2").unwrap_err().to_string().contains("name its Debian suite"));
        for bad in ["", "6", "6.12=", "6.=sid", "../6.1=sid", "6.1=a/b", "6.1.2=sid"] {
            assert!(suite(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn image_packages_of_a_series() {
        let series = Series::parse("6.1").unwrap();
        assert_eq!(series.release_in("linux-image-6.1.0-50-cloud-amd64"), Some("6.1.0-50-cloud-amd64"));
        for other in ["6.12.1-cloud-amd64", "6.1.0-50-amd64", "6.1.0-50-cloud-amd64-dbg", "cloud-amd64"] {
            assert_eq!(series.release_in(&format!("linux-image-{other}")), None, "{other}");
        }
    }
}
