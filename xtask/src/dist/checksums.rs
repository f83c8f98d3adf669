//! `SHA256SUMS`: the checksums of a release, as `sha256sum --check` reads them.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

/// The file's name.
pub(super) const FILE: &str = "SHA256SUMS";

/// Writes the checksums of all files in a directory, sorted by name.
pub(super) fn write(directory: &Path) -> Result<()> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        names.push(entry?.file_name().into_string().ok().context("a file's name is not UTF-8")?);
    }
    names.sort();
    let lines = names.iter().map(|name| Ok(format!("{}  {name}\n", of(&directory.join(name))?)));
    let text: String = lines.collect::<Result<_>>()?;
    fs::write(directory.join(FILE), text).with_context(|| format!("cannot write {FILE}"))
}

/// The SHA-256 of a file in lowercase hex.
pub(super) fn of(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::run::output;
    use std::process::Command;

    #[test]
    fn writes_a_list_that_sha256sum_accepts() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("b"), "two").unwrap();
        fs::write(directory.path().join("a"), "one").unwrap();
        write(directory.path()).unwrap();
        let check =
            || output(Command::new("sha256sum").current_dir(directory.path()).args(["--check", FILE]));
        assert_eq!(check().unwrap(), "a: OK\nb: OK\n");
        fs::write(directory.path().join("a"), "1").unwrap();
        assert!(check().is_err());
    }
}
