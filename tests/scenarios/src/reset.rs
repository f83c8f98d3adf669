//! The machine runs out of memory, every process except the recorder is killed, and the machine is reset at once. The recorded
//! incidents must be on its disk at the next boot.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::observation::{CommandRun, ProcessRun, Status};
use crate::scenario::{Expect, Process, Scenario};

/// The mount point of the guest's disk.
pub const DISK_DIRECTORY: &str = "/disk";

/// The path of the recording.
pub const RECORDING_FILE: &str = "/disk/reset.oomtrace";

/// The processes, each of which allocates more than the machine has. After their deaths, only the tracer and the guest's init
/// are left.
const ROLES: [&str; 3] = ["first", "second", "third"];

/// The scenario of processes that run until they are killed.
#[must_use]
pub fn scenario() -> Scenario {
    let start = Scenario::new("reset", Expect::global("first"));
    ROLES.iter().fold(start, |scenario, role| scenario.process(Process::allocator(role, 2048)))
}

/// Whether the lines of a tracer's output so far report the kills of all these processes. The output also reports passes that
/// killed no process. Their number varies.
#[must_use]
pub fn tells_all<'a>(pids: &[u32], lines: impl Iterator<Item = &'a [u8]>) -> bool {
    let reports = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let told: BTreeSet<u64> =
        reports.filter_map(|report| report.pointer("/victims/0/pid")?.as_u64()).collect();
    pids.iter().all(|pid| told.contains(&u64::from(*pid)))
}

/// Compares `oomtrace list --format json` after the next boot with the processes. Returns the errors in words.
#[must_use]
pub fn judge(processes: &[ProcessRun], listed: &CommandRun) -> Vec<String> {
    let mut wrong = Vec::new();
    if listed.status != Some(Status::Code(0)) {
        wrong.push(format!("list exited with {:?} and printed: {}", listed.status, listed.stderr));
    }
    let stdout = listed.stdout.to_chars();
    let rows: Vec<Value> = stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let pid = |row: &Value| row.pointer("/victim/pid")?.as_u64();
    let kills: Vec<u64> = rows.iter().filter_map(pid).collect();
    let listed: BTreeSet<u64> = kills.iter().copied().collect();
    let killed: BTreeSet<u64> = processes.iter().map(|process| u64::from(process.pid)).collect();
    if listed != killed || kills.len() != killed.len() {
        wrong.push(format!("{killed:?} were killed and reported, but {kills:?} are on the disk: {stdout}"));
    }
    for row in rows.iter().filter(|row| row.get("cause").and_then(Value::as_str) != Some("global")) {
        wrong.push(format!("not a global OOM: {row}"));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::{judge, tells_all};
    use crate::observation::{CommandRun, ProcessRun, Status};

    fn listed(stdout: &str) -> Vec<String> {
        let run =
            CommandRun { stdout: stdout.into(), status: Some(Status::Code(0)), ..CommandRun::default() };
        let process = |pid| ProcessRun { pid, ..ProcessRun::default() };
        judge(&[process(7), process(8)], &run)
    }

    #[test]
    fn requires_each_victim_exactly_once_and_no_other() {
        let (seven, eight) =
            (r#"{"cause":"global","victim":{"pid":7}}"#, r#"{"cause":"global","victim":{"pid":8}}"#);
        assert_eq!(listed(&format!("{seven}\n{eight}\n")), [""; 0]);
        assert_eq!(listed(seven).len(), 1);
        assert_eq!(listed(&format!("{seven}\n{seven}\n{eight}\n")).len(), 1);
        assert_eq!(listed("").len(), 1);
        assert_eq!(listed(&format!("{seven}\n{}\n", eight.replace("global", "sysrq"))).len(), 1);
        let nobody = r#"{"cause":"global","victim":null}"#;
        assert_eq!(listed(&format!("{seven}\n{nobody}\n{eight}\n")), [""; 0], "a pass without a kill");
    }

    #[test]
    fn ignores_reports_of_empty_passes() {
        let report = |victims: &str| format!(r#"{{"victims":[{victims}]}}"#).into_bytes();
        let lines = [report(r#"{"pid":7}"#), report(""), report(r#"{"pid":8}"#)];
        let tells = |count: usize| tells_all(&[7, 8], lines.iter().take(count).map(Vec::as_slice));
        assert!(!tells(2) && tells(3));
    }
}
