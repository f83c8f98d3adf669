//! The modification time of a release's files: the commit's time, so that the files do not depend on the time of the build.

use std::{env, path::Path, process::Command};

use anyhow::{Context as _, Result};

use crate::host::run::output;

/// The environment variable with the time of a reproducible build, in seconds since 1970:
/// <https://reproducible-builds.org/specs/source-date-epoch/>
pub(super) const VARIABLE: &str = "SOURCE_DATE_EPOCH";

/// The variable's value, or the time of the commit if the variable is not set.
pub(super) fn of(root: &Path) -> Result<i64> {
    let text = match env::var(VARIABLE) {
        Ok(text) => text,
        Err(_) => output(Command::new("git").current_dir(root).args(["log", "-1", "--format=%ct"]))
            .with_context(|| {
                format!("cannot read the time of the commit; set {VARIABLE} outside a checkout")
            })?,
    };
    text.trim().parse().with_context(|| format!("{VARIABLE}: {text:?} is not a number of seconds"))
}
