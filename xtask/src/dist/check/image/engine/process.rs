//! Facts about the tracer's process that depend on its privileges and are not in reports.

use std::fs;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// The field of `/proc/PID/stat` with the scheduling policy, counted from the field after the name: see proc_pid_stat(5).
const POLICY: usize = 38;
/// `SCHED_RR` and `SCHED_FIFO`, the real-time policies. See sched(7).
const REAL_TIME: [&str; 2] = ["1", "2"];

/// Reads the facts. A fact that does not hold is null.
pub(super) fn facts(pid: &str) -> Result<Value> {
    let read = |name: &str| {
        fs::read_to_string(format!("/proc/{pid}/{name}"))
            .with_context(|| format!("cannot read {name} of the tracer"))
    };
    let (status, stat, adj) = (read("status")?, read("stat")?, read("oom_score_adj")?);
    let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:"));
    let is_locked = locked.is_some_and(|size| size.trim() != "0 kB");
    let behind_name =
        stat.rsplit_once(") ").map(|(_, rest)| rest).context("the tracer's stat has no name")?;
    let policy = behind_name.split(' ').nth(POLICY).context("the tracer's stat is short")?;
    let fact = |is_so: bool| is_so.then_some(true);
    Ok(json!({
        "locked_pages": fact(is_locked),
        "real_time_priority": fact(REAL_TIME.contains(&policy)),
        "oom_score_adj_minus_1000": fact(adj.trim() == "-1000"),
    }))
}
