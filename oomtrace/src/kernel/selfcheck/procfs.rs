//! Reads the facts of this process from procfs.

use std::fs;

use super::SelfCheckError;
use crate::kernel::{pid_namespace::has_machines_pids, time_namespace::Offsets};

/// Number of the field, from 1 as in proc_pid_stat(5).
const START_TIME: usize = 22;
const STAT: &str = "/proc/self/stat";
const ADJ: &str = "/proc/self/oom_score_adj";
const LEADER: &str = "/proc/self/comm";
const COMM: &str = "/proc/thread-self/comm";

/// This process and thread, from procfs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelfFacts {
    /// Process id in this process's own pid namespace.
    pub pid: i32,
    /// Thread id in this process's own pid namespace.
    pub tid: i32,
    /// Whether this is the initial pid namespace, so that the ids are the kernel's own.
    pub initial_pid_namespace: bool,
    /// Name of the calling thread, without NUL.
    pub comm: Vec<u8>,
    /// Name of the thread group's leader, without NUL.
    pub leader_comm: Vec<u8>,
    /// `oom_score_adj` of the process.
    pub oom_score_adj: i16,
    /// Start of the process, in clock ticks since boot, with the offset of its time namespace.
    pub start_ticks: u64,
    /// Clock ticks per second.
    pub ticks_per_second: u64,
    /// The offset that the time namespace adds to the time since boot, in ns.
    pub boottime_offset_ns: i64,
}

impl SelfFacts {
    /// Reads the facts, for the calling thread.
    ///
    /// # Errors
    /// If procfs is missing or lacks one of the facts.
    pub fn of_this_thread() -> Result<Self, SelfCheckError> {
        let stat = read(STAT)?;
        let adj = read(ADJ)?;
        Ok(Self {
            pid: rustix::process::getpid().as_raw_nonzero().get(),
            tid: rustix::thread::gettid().as_raw_nonzero().get(),
            initial_pid_namespace: has_machines_pids(),
            comm: line(COMM)?,
            leader_comm: line(LEADER)?,
            oom_score_adj: number(&adj, ADJ, "oom_score_adj")?,
            start_ticks: start_time(&stat)?,
            ticks_per_second: rustix::param::clock_ticks_per_second(),
            boottime_offset_ns: Offsets::of_this_process().boottime_ns,
        })
    }

    /// A time since boot as procfs would show it: in clock ticks, with the offset of the time namespace.
    /// <https://github.com/torvalds/linux/blob/v6.12/fs/proc/array.c#L562>
    pub(super) fn ticks(&self, boot_ns: u64) -> u64 {
        let seen = boot_ns.saturating_add_signed(self.boottime_offset_ns);
        let ticks = u128::from(seen) * u128::from(self.ticks_per_second) / 1_000_000_000;
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }
}

fn read(path: &'static str) -> Result<Vec<u8>, SelfCheckError> {
    fs::read(path).map_err(|source| SelfCheckError::Read { path, source })
}

/// Reads a file of one line, which may contain any bytes.
fn line(path: &'static str) -> Result<Vec<u8>, SelfCheckError> {
    let mut bytes = read(path)?;
    bytes.pop_if(|last| *last == b'\n');
    Ok(bytes)
}

/// `starttime` of `/proc/self/stat`. The second field is a name that may contain blanks and parentheses. The third field
/// follows its last parenthesis.
fn start_time(stat: &[u8]) -> Result<u64, SelfCheckError> {
    let close = stat.iter().rposition(|byte| *byte == b')').unwrap_or(0);
    let text = stat.get(close.saturating_add(1)..).unwrap_or_default().trim_ascii();
    let field = text.split(u8::is_ascii_whitespace).nth(START_TIME - 3);
    number(field.unwrap_or_default(), STAT, "starttime")
}

fn number<T: core::str::FromStr>(
    text: &[u8],
    path: &'static str,
    field: &'static str,
) -> Result<T, SelfCheckError> {
    let text = core::str::from_utf8(text.trim_ascii()).unwrap_or_default();
    text.parse().map_err(|_| SelfCheckError::Format { path, field })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_stat_fields_from_the_last_parenthesis() {
        let stat = b"42 (a) b ) c) S 1 42 42 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 987654 0 0";
        assert_eq!(start_time(stat).unwrap(), 987_654);
    }

    #[test]
    fn reports_the_file_if_stat_is_too_short() {
        let error = start_time(b"42 (a) S 1").unwrap_err();
        assert_eq!(error.to_string(), "/proc/self/stat has no readable starttime");
    }

    #[test]
    fn adds_the_offset_of_the_time_namespace() {
        let facts = SelfFacts {
            pid: 1,
            tid: 1,
            initial_pid_namespace: true,
            comm: Vec::new(),
            leader_comm: Vec::new(),
            oom_score_adj: 0,
            start_ticks: 0,
            ticks_per_second: 100,
            boottime_offset_ns: 100_000_000_005,
        };
        assert_eq!(facts.ticks(9_999_995), 10_001);
    }

    #[test]
    fn reads_facts_of_this_process() {
        let facts = SelfFacts::of_this_thread().unwrap();
        assert_eq!(u32::try_from(facts.pid).unwrap(), std::process::id());
        assert!(facts.ticks_per_second > 0);
        assert!(!facts.leader_comm.is_empty());
    }
}
