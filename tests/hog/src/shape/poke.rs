//! No memory of its own: the process writes to another process's memory, as a debugger or a checkpoint tool does.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result};
use clap::Args;
use oomtrace_scenarios::text::Text;

use super::{Taken, kill::named};

/// Size of one write.
const CHUNK_BYTES: usize = 1 << 20;

/// Writes to the largest mapping of a process, lowest address first, until a write fails.
#[derive(Args)]
pub(crate) struct Poke {
    /// Name of the one process to write to, `\xNN` standing for any byte
    #[arg(long)]
    target: Text,
}

impl Poke {
    pub(crate) fn take(&self) -> Result<Taken> {
        let directory = format!("/proc/{}", named(&self.target)?.as_raw_nonzero());
        let maps = fs::read_to_string(format!("{directory}/maps")).context("reading its mappings")?;
        let (start, end) =
            maps.lines().filter_map(range).max_by_key(|(start, end)| end - start).context("no mapping")?;
        let memory =
            OpenOptions::new().write(true).open(format!("{directory}/mem")).context("opening its memory")?;
        let chunk = vec![1; CHUNK_BYTES];
        let mut offset = start;
        // A write fails when the target is killed, which is expected.
        while offset < end && memory.write_all_at(&chunk, offset).is_ok() {
            offset += u64::try_from(CHUNK_BYTES)?;
        }
        Ok(Taken::default())
    }
}

/// Returns the addresses of a writable mapping.
fn range(line: &str) -> Option<(u64, u64)> {
    let mut words = line.split(' ');
    let (start, end) = words.next()?.split_once('-')?;
    words.next().filter(|rights| rights.starts_with("rw"))?;
    Some((u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?))
}
