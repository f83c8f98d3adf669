//! The checksums of the registry's packages, from `Cargo.lock`.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, Result};

/// A SHA-256 in hex for each name and version. Crates of the workspace have none.
pub(super) struct Checksums(BTreeMap<(String, String), String>);

impl Checksums {
    /// Reads the checksums.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        Self(text.split("[[package]]").skip(1).filter_map(stanza).collect())
    }

    /// The checksum of a package.
    pub(super) fn of(&self, name: &str, version: &str) -> Option<&str> {
        self.0.get(&(name.to_owned(), version.to_owned())).map(String::as_str)
    }
}

/// Parses a stanza. Cargo writes one key per line.
fn stanza(text: &str) -> Option<((String, String), String)> {
    let value = |key: &str| {
        let quoted = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))?;
        Some(quoted.trim_matches('"').to_owned())
    };
    Some(((value("name")?, value("version")?), value("checksum")?))
}

#[cfg(test)]
mod tests {
    use super::Checksums;

    #[test]
    fn finds_the_checksum_of_a_name_and_version() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"12ab\"\n\n\
                    [[package]]\nname = \"b\"\nversion = \"2.0.0\"\n";
        let checksums = Checksums::parse(lock);
        assert_eq!(checksums.of("a", "1.0.0"), Some("12ab"));
        assert_eq!(checksums.of("a", "2.0.0"), None);
        assert_eq!(checksums.of("b", "2.0.0"), None);
    }
}
