//! Finds a browser, or installs one.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::host::setup;

/// Programs that understand `--headless --remote-debugging-pipe`, the smallest first.
const PROGRAMS: [&str; 4] =
    ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome-stable"];

/// Debian's package of the first program, and the fonts that the pages prefer.
const PACKAGES: [&str; 3] = ["chromium-headless-shell", "fonts-inter", "fonts-jetbrains-mono"];

/// Returns the browser's path and installs a browser if there is none.
///
/// # Errors
///
/// If there is none and it cannot be installed.
pub(crate) fn install() -> Result<PathBuf> {
    if let Some(known) = find() {
        return Ok(known);
    }
    setup::apt(&PACKAGES).context("installing a browser (Debian's package chromium-headless-shell)")?;
    find().context("Debian's package chromium-headless-shell contains no program with that name")
}

fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let places = |program: &&str| {
        let in_path = env::split_paths(&path).map(|directory| directory.join(program)).collect::<Vec<_>>();
        in_path.into_iter().find(|candidate| is_program(candidate))
    };
    PROGRAMS.iter().find_map(places)
}

fn is_program(path: &Path) -> bool {
    path.is_file()
}
