//! The kernel modules of a guest.

use std::ffi::CStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use oomtrace_scenarios::job::MODULES_DIRECTORY;
use rustix::system::finit_module;

const NO_PARAMETERS: &CStr = c"";

/// Load all modules in the order of their names. Most guests have none.
pub(crate) fn load_all() -> Result<()> {
    let directory = Path::new(MODULES_DIRECTORY);
    if !directory.exists() {
        return Ok(());
    }
    let entries = fs::read_dir(directory).with_context(|| format!("reading {MODULES_DIRECTORY}"))?;
    let mut paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    paths.sort();
    for path in paths {
        let file = File::open(&path).with_context(|| format!("opening {}", path.display()))?;
        finit_module(file, NO_PARAMETERS, 0).with_context(|| format!("loading {}", path.display()))?;
    }
    Ok(())
}
