//! The disk becomes read-only while the recorder writes, as a file system does after an error, and later writable again. The
//! tracer must continue, the written data must stay intact, and the waiting data must be written.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::observation::{CommandRun, Status};
use crate::text::Text;

/// The path of the recording.
pub const RECORDING_FILE: &str = "/disk/read-only.oomtrace";

/// The error that the tracer must print.
pub const FAILS: &str = ": Read-only file system";
/// The message that the tracer must print once the disk is writable again.
pub const GOES_ON: &str = "continues; 0 frames were lost";

/// The results: one kill before, one while the disk was read-only, one after.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ReadOnlyRun {
    /// The killed processes, in order.
    pub killed: Vec<u32>,
    /// The lines of the tracer's standard output.
    pub lines: Vec<Text>,
    /// Its standard error.
    pub stderr: Text,
    /// The exit status.
    pub status: Option<Status>,
    /// `oomtrace list` of the disk while it was read-only.
    pub meanwhile: CommandRun,
    /// `oomtrace list` of the disk at the end.
    pub after: CommandRun,
}

/// The errors of a run, in words.
#[must_use]
pub fn judge(run: &ReadOnlyRun) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut expect = |what: &str, victims: Vec<u64>, killed: &[u32]| {
        let killed: Vec<u64> = killed.iter().copied().map(u64::from).collect();
        if victims != killed {
            wrong.push(format!("{what}: {victims:?}, but {killed:?} were killed"));
        }
    };
    let told = run.lines.iter().map(Text::to_chars).filter_map(|line| victim("/victims/0/pid", &line));
    expect("told", told.collect(), &run.killed);
    let first = run.killed.get(..1).unwrap_or_default();
    expect("on the disk while it is read-only", listed(&run.meanwhile), first);
    expect("on the disk in the end", listed(&run.after), &run.killed);
    let lists = [("list meanwhile", run.meanwhile.status), ("list in the end", run.after.status)];
    for (what, status) in [("the tracer", run.status)].into_iter().chain(lists) {
        if status != Some(Status::Code(0)) {
            wrong.push(format!("{what} exited with {status:?}"));
        }
    }
    let said = run.stderr.to_chars();
    for word in [FAILS, GOES_ON] {
        if said.matches(word).count() != 1 {
            wrong.push(format!("`{word}` was not printed exactly once: {said}"));
        }
    }
    wrong
}

fn listed(list: &CommandRun) -> Vec<u64> {
    list.stdout.to_chars().lines().filter_map(|line| victim("/victim/pid", line)).collect()
}

fn victim(place: &str, line: &str) -> Option<u64> {
    serde_json::from_str::<Value>(line).ok()?.pointer(place)?.as_u64()
}

#[cfg(test)]
mod tests {
    use super::{FAILS, GOES_ON, ReadOnlyRun, judge};
    use crate::observation::{CommandRun, Status};

    fn good() -> ReadOnlyRun {
        let list = |pids: &[u32]| CommandRun {
            stdout: pids
                .iter()
                .map(|pid| format!("{{\"victim\":{{\"pid\":{pid}}}}}\n"))
                .collect::<String>()
                .as_str()
                .into(),
            status: Some(Status::Code(0)),
            ..CommandRun::default()
        };
        let line = |pid: u32| format!("{{\"victims\":[{{\"pid\":{pid}}}]}}").as_str().into();
        ReadOnlyRun {
            killed: vec![7, 8, 9],
            lines: [7, 8, 9].map(line).into(),
            stderr: format!(
                "oomtrace: cannot record to x{FAILS}\noomtrace: recording to x {GOES_ON} in the meantime"
            )
            .as_str()
            .into(),
            status: Some(Status::Code(0)),
            meanwhile: list(&[7]),
            after: list(&[7, 8, 9]),
        }
    }

    #[test]
    fn checks_each_part() {
        assert_eq!(judge(&good()), [""; 0]);
        let runs = [
            ReadOnlyRun { lines: good().lines.into_iter().skip(1).collect(), ..good() },
            ReadOnlyRun { stderr: FAILS.into(), ..good() },
            ReadOnlyRun { status: None, ..good() },
            ReadOnlyRun { meanwhile: CommandRun { status: None, ..good().meanwhile }, ..good() },
            ReadOnlyRun { meanwhile: good().after, ..good() },
            ReadOnlyRun { after: good().meanwhile, ..good() },
        ];
        assert_eq!(runs.map(|run| judge(&run).len()), [1; 6]);
    }
}
