//! Ends a shortage that no kill ends.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use oomtrace_scenarios::scenario::{Hierarchy, Relief};

use crate::cgroup;

/// The time limit for memory to run out.
const RUNNING_OUT: Duration = Duration::from_secs(30);

/// Wait until memory has run out, then relieve the shortage.
pub(crate) fn relieve(hierarchy: Hierarchy, relief: &Relief) -> Result<()> {
    let directory = cgroup::directory(hierarchy, &relief.cgroup);
    let (counter, least) = &relief.when;
    let deadline = Instant::now() + RUNNING_OUT;
    while cgroup::counters(hierarchy, &directory)?.get(counter).is_none_or(|count| count < least) {
        if Instant::now() >= deadline {
            bail!("{counter} of {} did not reach {least} within {RUNNING_OUT:?}", relief.cgroup);
        }
        // Some of these counters give no notice of a change.
        std::thread::sleep(Duration::from_millis(10));
    }
    let (file, value) = &relief.write;
    fs::write(directory.join(file), value)
        .with_context(|| format!("writing {value} to {file} of {}", relief.cgroup))
}
