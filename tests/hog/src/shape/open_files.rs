//! The limit on open files.

use anyhow::{Context, Result};
use rustix::process::{Resource, Rlimit, setrlimit};

/// More files than any shape opens. The kernel allows this many by default (`fs.nr_open`).
const LIMIT: u64 = 1 << 20;

/// Allows this process to open as many files as the kernel permits.
pub(super) fn allow() -> Result<()> {
    let limit = Rlimit { current: Some(LIMIT), maximum: Some(LIMIT) };
    setrlimit(Resource::Nofile, limit).context("raising the number of open files")
}
