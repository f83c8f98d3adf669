//! The end of a shortage that no kill ends.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use oomtrace_scenarios::scenario::{Hierarchy, Relief};

use crate::cgroup;

/// How long memory may take to run out.
const RUNNING_OUT: Duration = Duration::from_secs(30);

/// Wait until memory has run out, and give some.
pub(crate) fn relieve(hierarchy: Hierarchy, relief: &Relief) -> Result<()> {
    let folder = cgroup::folder(hierarchy, &relief.cgroup);
    let (counter, least) = &relief.when;
    let deadline = Instant::now() + RUNNING_OUT;
    while cgroup::counters(hierarchy, &folder)?.get(counter).is_none_or(|count| count < least) {
        if Instant::now() >= deadline {
            bail!("{counter} of {} did not come to {least} within {RUNNING_OUT:?}", relief.cgroup);
        }
        // Not every one of these counters tells when it changes.
        std::thread::sleep(Duration::from_millis(10));
    }
    let (file, value) = &relief.write;
    fs::write(folder.join(file), value)
        .with_context(|| format!("writing {value} to {file} of {}", relief.cgroup))
}
