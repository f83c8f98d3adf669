//! The time that the files of a release have: the commit's, so that they do not depend on when they are built.

use std::{env, path::Path, process::Command};

use anyhow::{Context as _, Result};

use crate::run::output;

/// The variable that names the time of a reproducible build, in seconds since 1970:
/// <https://reproducible-builds.org/specs/source-date-epoch/>
pub(super) const VARIABLE: &str = "SOURCE_DATE_EPOCH";

/// The variable's value if it is set, else the time of the commit.
pub(super) fn of(root: &Path) -> Result<i64> {
    let text = match env::var(VARIABLE) {
        Ok(text) => text,
        Err(_) => output(Command::new("git").current_dir(root).args(["log", "-1", "--format=%ct"]))
            .with_context(|| format!("no time of a commit; set {VARIABLE} if this is no checkout"))?,
    };
    text.trim().parse().with_context(|| format!("{VARIABLE}: {text:?} is not a number of seconds"))
}
