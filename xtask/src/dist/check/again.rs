//! Checks that two builds of one commit in different directories give the same bytes.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, ensure};

use super::{Built, shell};
use crate::dist::{Release, checksums};

/// Copies the files of `$1` that git tracks or would add to `$2`.
const COPY: &str = "cd \"$1\"; git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from=- \
                    | tar --extract --directory=\"$2\"";

/// Builds a copy of the checkout elsewhere and compares the checksums.
pub(super) fn check(built: &Built<'_>) -> Result<()> {
    let Built { release, archs, out } = built;
    let scratch = tempfile::tempdir()?;
    let copy = scratch.path().join("another/checkout");
    fs::create_dir_all(&copy)?;
    shell(COPY, &[&release.root, &copy])?;
    let again = Release {
        root: copy,
        target: scratch.path().join("built"),
        version: release.version.clone(),
        moment: release.moment,
    };
    let second = scratch.path().join("out");
    again.write(archs, &second)?;
    let read = |folder: &Path| {
        fs::read_to_string(folder.join(checksums::FILE))
            .with_context(|| format!("reading {}", folder.display()))
    };
    let (one, two) = (read(out)?, read(&second)?);
    let differs = one.lines().zip(two.lines()).find(|(one, two)| one != two);
    ensure!(one == two, "the second build differs: {differs:?}");
    Ok(())
}
