//! Room for a great many open files.

use anyhow::{Context, Result};
use rustix::process::{Resource, Rlimit, setrlimit};

/// More than any shape opens, and no more than the kernel allows by default (`fs.nr_open`).
const LIMIT: u64 = 1 << 20;

/// Let this process have as many open files as the kernel allows.
pub(super) fn allow() -> Result<()> {
    let limit = Rlimit { current: Some(LIMIT), maximum: Some(LIMIT) };
    setrlimit(Resource::Nofile, limit).context("raising the number of open files")
}
