//! The part of Cargo.lock that the object depends on: the eBPF crate, its dependencies, and their dependencies.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use crate::{Error, Result};

/// The crate that the object is built from.
const ROOT: &str = "oomtrace-ebpf";

/// A crate whose dependencies are skipped: they belong to its `user` feature, which the eBPF side does not use.
const LEAF: &str = "oomtrace-common";

/// The stanzas of the lock file that decide the object's bytes, sorted, ready for the digest.
///
/// # Errors
/// If the file contains no package `oomtrace-ebpf`, or lists a dependency that it does not contain.
pub(crate) fn relevant(path: &Path, text: &str) -> Result<String> {
    let packages: Vec<Package<'_>> = text.split("[[package]]").skip(1).map(Package::parse).collect();
    let by_name = index(&packages);
    let mut seen = BTreeSet::new();
    let mut open = vec![ROOT];
    while let Some(wanted) = open.pop() {
        let package = find(&by_name, wanted)
            .ok_or_else(|| Error::Lock { path: path.to_owned(), package: wanted.to_owned() })?;
        if seen.insert(package.stanza) && package.name != LEAF {
            open.extend(&package.dependencies);
        }
    }
    Ok(seen.into_iter().collect::<Vec<_>>().join("\n\n"))
}

struct Package<'a> {
    name: &'a str,
    version: &'a str,
    dependencies: Vec<&'a str>,
    stanza: &'a str,
}

impl<'a> Package<'a> {
    /// Parses one stanza. Cargo writes one key per line and one dependency per line.
    fn parse(stanza: &'a str) -> Self {
        // `[metadata]` and the like may follow the last package.
        let stanza = stanza.split("\n[").next().unwrap_or(stanza).trim();
        let value = |key: &str| {
            stanza.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = ")).unwrap_or_default()
        };
        let unquoted = |text: &'a str| text.trim_matches(|c| c == '"' || c == ',' || c == ' ');
        let dependencies = stanza.lines().filter(|line| line.starts_with(" \"")).map(unquoted).collect();
        Self { name: unquoted(value("name")), version: unquoted(value("version")), dependencies, stanza }
    }
}

fn index<'a, 'p>(packages: &'p [Package<'a>]) -> BTreeMap<&'a str, Vec<&'p Package<'a>>> {
    let mut by_name: BTreeMap<&str, Vec<&Package<'_>>> = BTreeMap::new();
    for package in packages {
        by_name.entry(package.name).or_default().push(package);
    }
    by_name
}

/// Finds the package of a dependency: `name`, or `name version` (and the source) if the name alone is ambiguous.
fn find<'a, 'p>(
    by_name: &BTreeMap<&'a str, Vec<&'p Package<'a>>>,
    dependency: &str,
) -> Option<&'p Package<'a>> {
    let mut words = dependency.split(' ');
    let of_name = by_name.get(words.next()?)?;
    match words.next() {
        Some(version) => of_name.iter().find(|package| package.version == version).copied(),
        None => of_name.first().copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"version = 4

[[package]]
name = "aya-ebpf"
version = "0.2.1"
checksum = "aa"
dependencies = [
 "syn 2.0.1",
]

[[package]]
name = "clap"
version = "4.0.0"

[[package]]
name = "oomtrace-common"
version = "0.1.0"
dependencies = [
 "zerocopy",
]

[[package]]
name = "oomtrace-ebpf"
version = "0.1.0"
dependencies = [
 "aya-ebpf",
 "oomtrace-common",
]

[[package]]
name = "syn"
version = "1.0.9"

[[package]]
name = "syn"
version = "2.0.1"

[[package]]
name = "zerocopy"
version = "0.8.0"
"#;

    fn names(lock: &str) -> Vec<String> {
        let text = relevant(Path::new("Cargo.lock"), lock).unwrap();
        text.lines()
            .filter_map(|line| line.strip_prefix("name = "))
            .map(|name| name.replace('"', ""))
            .collect()
    }

    #[test]
    fn selects_only_the_ebpf_crates_dependencies() {
        assert_eq!(names(LOCK), ["aya-ebpf", "oomtrace-common", "oomtrace-ebpf", "syn"]);
        assert!(relevant(Path::new("Cargo.lock"), LOCK).unwrap().contains("2.0.1"));
    }

    #[test]
    fn ignores_unrelated_packages() {
        let other = LOCK.replace("4.0.0", "4.0.1").replace("0.8.0", "0.8.1").replace("1.0.9", "1.0.10");
        assert_eq!(relevant(Path::new("x"), LOCK).unwrap(), relevant(Path::new("x"), &other).unwrap());
    }

    #[test]
    fn reports_the_missing_package() {
        let error = relevant(Path::new("Cargo.lock"), &LOCK.replace("\"syn\"", "\"sin\"")).unwrap_err();
        assert_eq!(error.to_string(), "Cargo.lock names no package `syn 2.0.1`");
    }
}
