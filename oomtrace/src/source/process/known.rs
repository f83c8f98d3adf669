//! Processes that were read recently, and arguments that were sent. One kill names the same process in several frames.

use std::collections::VecDeque;

use oomtrace_common::event::{Arguments, Task};

use super::arguments::Sent;
use crate::context::Process;

/// Number of processes and of argument lists that are remembered.
pub(in crate::source) const REMEMBERED: usize = 16;

/// A process: its pid and its start time, `CLOCK_BOOTTIME` ns; 0 if the start time is not known.
type Key = (i32, u64);

/// The processes and arguments that are remembered.
pub(in crate::source) struct Known {
    seen: VecDeque<Seen>,
    arguments: VecDeque<(Key, Sent)>,
}

/// A process that was read.
struct Seen {
    process: Key,
    pass: u64,
    has_cmdline: bool,
    has_exe: bool,
}

impl Known {
    /// Creates an empty store with its full capacity.
    pub(in crate::source) fn new() -> Self {
        Self { seen: VecDeque::with_capacity(REMEMBERED), arguments: VecDeque::with_capacity(REMEMBERED) }
    }

    /// Stores arguments that were sent. A process without a command line so far may then be read again.
    pub(in crate::source) fn keep_arguments(&mut self, arguments: &Arguments) {
        let process = (arguments.pid, arguments.start_boot_ns);
        let Some(sent) = Sent::of(arguments) else { return };
        if self.arguments.iter().any(|(known, _)| *known == process) {
            return;
        }
        self.seen.retain(|seen| seen.has_cmdline || seen.process != process);
        keep(&mut self.arguments, (process, sent));
    }

    /// Returns a process's arguments, if they were sent.
    pub(in crate::source) fn arguments_of(&self, task: &Task) -> Option<&Sent> {
        let process = (task.pid, task.start_boot_ns);
        let found = self.arguments.iter().find(|(known, _)| *known == process);
        found.map(|(_, sent)| sent)
    }

    /// Whether all of a process's arguments were sent.
    pub(in crate::source) fn has_all_arguments_of(&self, task: &Task) -> bool {
        matches!(self.arguments_of(task), Some(Sent::Whole(_)))
    }

    /// Records that a process was read, and what was found.
    pub(in crate::source) fn note(&mut self, process: Key, pass: u64, found: &Process) {
        let (has_cmdline, has_exe) = (found.cmdline.is_some(), found.exe.is_some());
        keep(&mut self.seen, Seen { process, pass, has_cmdline, has_exe });
    }

    /// Takes what a process sent about itself, and returns whether an earlier read has missed it.
    pub(in crate::source) fn learn(&mut self, told: &Process) -> bool {
        let process = (told.pid, told.start_boot_ns.unwrap_or(0));
        let Some(seen) = self.seen.iter_mut().find(|seen| seen.process == process) else { return true };
        let (has_cmdline, has_exe) = (told.cmdline.is_some(), told.exe.is_some());
        let is_new = (has_cmdline && !seen.has_cmdline) || (has_exe && !seen.has_exe);
        seen.has_cmdline |= has_cmdline;
        seen.has_exe |= has_exe;
        is_new
    }

    /// Whether a process was already read. A process without a known start time must have been read in the same pass.
    pub(in crate::source) fn has_seen(&self, process: Key, pass: u64) -> bool {
        let (pid, start_boot_ns) = process;
        let by_pass = start_boot_ns == 0 && pass != 0;
        let is_it =
            |seen: &Seen| seen.process == process || (by_pass && (seen.process.0, seen.pass) == (pid, pass));
        self.seen.iter().any(is_it)
    }
}

fn keep<T>(all: &mut VecDeque<T>, one: T) {
    if all.len() == REMEMBERED {
        all.pop_front();
    }
    all.push_back(one);
}

#[cfg(test)]
mod tests {
    use oomtrace_common::event::{Arguments, Task};
    use zerocopy::FromZeros as _;

    use super::{Known, REMEMBERED};
    use crate::{bytes::ByteString, context::Process, source::process::procfs};

    fn found(pid: i32, cmdline: bool, exe: bool) -> Process {
        let text = || ByteString::from(b"a".to_vec());
        let unknown = procfs::unknown(pid, pid, Some(7), 9);
        Process { cmdline: cmdline.then(|| vec![text()]), exe: exe.then(text), ..unknown }
    }

    fn sent(pid: i32, text: &[u8]) -> Arguments {
        let length = u32::try_from(text.len()).unwrap();
        let mut arguments = Arguments {
            pid,
            start_boot_ns: 7,
            bytes: u64::from(length),
            text_bytes: length,
            ..Arguments::new_zeroed()
        };
        arguments.text[..text.len()].copy_from_slice(text);
        arguments
    }

    fn task(pid: i32) -> Task {
        Task { pid, start_boot_ns: 7, ..Task::new_zeroed() }
    }

    #[test]
    fn keeps_the_first_arguments_and_drops_the_oldest() {
        let mut known = Known::new();
        known.keep_arguments(&sent(1, b"a\0"));
        known.keep_arguments(&sent(1, b"later"));
        assert!(known.has_all_arguments_of(&task(1)));
        assert!(!known.has_all_arguments_of(&Task { start_boot_ns: 8, ..task(1) }), "another process");
        for pid in 2..=i32::try_from(REMEMBERED).unwrap() + 1 {
            known.keep_arguments(&sent(pid, b"nginx"));
        }
        assert!(known.arguments_of(&task(1)).is_none());
        assert!(known.arguments_of(&task(2)).is_some() && !known.has_all_arguments_of(&task(2)));
    }

    #[test]
    fn reads_a_process_again_once_its_arguments_arrive() {
        let mut known = Known::new();
        known.note((1, 7), 0, &found(1, false, true));
        known.note((2, 7), 0, &found(2, true, true));
        for pid in [1, 2] {
            assert!(known.has_seen((pid, 7), 0));
            known.keep_arguments(&sent(pid, b"a\0"));
        }
        assert!(!known.has_seen((1, 7), 0) && known.has_seen((2, 7), 0));
    }

    #[test]
    fn learns_only_facts_that_a_read_has_missed() {
        let mut known = Known::new();
        known.note((1, 7), 0, &found(1, true, false));
        assert!(!known.learn(&found(1, true, false)), "the command line was read");
        assert!(known.learn(&found(1, false, true)));
        assert!(!known.learn(&found(1, false, true)), "it was sent before");
        assert!(known.learn(&Process { start_boot_ns: Some(8), ..found(1, true, false) }), "another process");
    }

    #[test]
    fn matches_a_pid_without_start_time_only_in_one_pass() {
        let mut known = Known::new();
        known.note((1, 7), 30, &found(1, true, true));
        assert!(known.has_seen((1, 0), 30));
        assert!(!known.has_seen((1, 0), 40) && !known.has_seen((1, 0), 0) && !known.has_seen((2, 0), 30));
    }
}
