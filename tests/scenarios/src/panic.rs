//! A process grows until the machine runs out of memory, and the kernel panics instead of killing it. At the next boot, the last
//! forecast must be on the disk.

use crate::observation::{CommandRun, ProcessRun, Status};
use crate::scenario::{Expect, Process, Scenario};

/// The path of the recording.
pub const RECORDING_FILE: &str = "/disk/panic.oomtrace";

/// The horizon of the forecast, s. A guest with 512 MiB has run out of memory long before.
pub const HORIZON_S: u64 = 120;

/// The rate of growth, MiB/s.
const RATE: &str = "10";

/// The scenario: one process grows, at a constant rate, to more than the machine has.
#[must_use]
pub fn scenario() -> Scenario {
    let leak = Process::acting("leak", &["leak", "--mib", "2048", "--rate", RATE]);
    Scenario::new("panic", Expect::global("leak")).process(leak)
}

/// Compares `oomtrace list` after the next boot with the process that grew. Returns the errors in words.
#[must_use]
pub fn judge(leak: &ProcessRun, listed: &CommandRun) -> Vec<String> {
    let mut wrong = Vec::new();
    if listed.status != Some(Status::Code(0)) {
        wrong.push(format!("list exited with {:?}", listed.status));
    }
    let said = listed.stderr.to_chars();
    let grew = format!("(pid {}) grew most", leak.pid);
    for words in ["vm.panic_on_oom was set", "the machine runs out in ", &grew] {
        if !said.contains(words) {
            wrong.push(format!("list does not print `{words}`: {said}"));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::observation::{CommandRun, ProcessRun, Status};

    #[test]
    fn requires_the_forecast_and_the_process_that_grew() {
        let leak = ProcessRun { pid: 7, ..ProcessRun::default() };
        let said = |stderr: &str| CommandRun {
            stderr: stderr.into(),
            status: Some(Status::Code(0)),
            ..CommandRun::default()
        };
        let right = "vm.panic_on_oom was set; the machine runs out in 3.0 s; hog (pid 7) grew most";
        assert_eq!(judge(&leak, &said(right)), [""; 0]);
        assert_eq!(judge(&leak, &said(&right.replace('7', "8"))).len(), 1);
        assert_eq!(judge(&leak, &said("")).len(), 3);
        assert_eq!(judge(&leak, &CommandRun { status: None, ..said(right) }).len(), 1);
    }
}
