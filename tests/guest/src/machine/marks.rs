//! The kernel's own trace of `oom:mark_victim` in a trace instance. It is the witness for marks, because the log has no line
//! for them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use oomtrace_scenarios::observation::Mark;

/// The instance, which is removed when the value is dropped.
const INSTANCE: &str = "/sys/kernel/tracing/instances/witness";
/// The buffer size per processor. A record takes less than 200 bytes.
const BUFFER_KIB: &str = "64";

/// Records marks from now on.
pub(crate) struct Marks;

impl Marks {
    pub(crate) fn from_now() -> Result<Self> {
        fs::create_dir(INSTANCE).with_context(|| format!("making {INSTANCE}"))?;
        let marks = Self;
        write("buffer_size_kb", BUFFER_KIB)?;
        write("events/oom/mark_victim/enable", "1")?;
        Ok(marks)
    }

    /// All marks so far.
    pub(crate) fn seen(&self) -> Result<Vec<Mark>> {
        let file = Path::new(INSTANCE).join("trace");
        let text = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        Ok(text
            .split(|&byte| byte == b'\n')
            .filter_map(|line| parse(&String::from_utf8_lossy(line)))
            .collect())
    }
}

impl Drop for Marks {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir(INSTANCE) {
            eprintln!("guest: removing {INSTANCE}: {error}");
        }
    }
}

fn write(file: &str, value: &str) -> Result<()> {
    let file = Path::new(INSTANCE).join(file);
    fs::write(&file, value).with_context(|| format!("writing {value} to {}", file.display()))
}

/// Parses `COMM-TID [CPU] FLAGS TIME: mark_victim: pid=TID comm=…`. A comm can contain anything, so each number is searched
/// from the side where no comm can be.
fn parse(line: &str) -> Option<Mark> {
    let (head, rest) = line.split_once(": mark_victim: pid=")?;
    let (before, _) = head.rsplit_once(" [")?;
    let by_tid = before.trim_end().rsplit_once('-')?.1.parse().ok()?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some(Mark { tid: digits.parse().ok()?, by_tid })
}

#[cfg(test)]
mod tests {
    use oomtrace_scenarios::observation::Mark;

    use super::parse;

    #[test]
    fn reads_old_and_new_records() {
        let old = "             hog-146     [001] d...    12.345678: mark_victim: pid=145";
        assert_eq!(parse(old), Some(Mark { tid: 145, by_tid: 146 }));
        let new = " a-9 [0] b-146     [001] .....    12.345678: mark_victim: pid=7 comm=a total-vm:2kB";
        assert_eq!(parse(new), Some(Mark { tid: 7, by_tid: 146 }));
        assert_eq!(parse("# entries-in-buffer/entries-written: 1/1   #P:2"), None);
    }
}
