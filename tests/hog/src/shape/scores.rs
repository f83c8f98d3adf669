//! No memory: the process reads its own score repeatedly. Each read of an `oom_score` calls `oom_badness`, as the kernel's own
//! decision does.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use anyhow::{Context, Result};

/// The file with the score.
const SCORE: &str = "/proc/self/oom_score";

/// Reads the score until a signal ends this process.
pub(crate) fn read_for_ever() -> Result<super::Taken> {
    let file = File::open(SCORE).with_context(|| format!("opening {SCORE}"))?;
    crate::say("holding")?;
    loop {
        file.read_at(&mut [0; 8], 0).with_context(|| format!("reading {SCORE}"))?;
    }
}
