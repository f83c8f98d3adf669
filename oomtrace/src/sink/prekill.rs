//! The announcement of a kill by user space, in words for all sinks that people read.

use super::{
    terminal::sanitize::{cut, name},
    units::{ABSENT, count, or_absent, size, span},
};
use crate::{
    bytes::ByteString,
    report::{Prekill, PrekillProcess, Snapshot},
};

/// The number of processes that are named. JSON has more.
const NAMED: usize = 8;

/// Columns of a command line.
const CMDLINE_COLUMNS: usize = 120;

/// Who announced the kill, when, and of what.
pub(super) fn announced(prekill: &Prekill) -> String {
    let comm = prekill.comm.as_ref().map_or_else(|| ABSENT.to_owned(), |comm| name(comm.as_bytes()));
    let (pid, before) = (or_absent(prekill.pid), span(prekill.before_ns));
    format!("-{before}: {comm} (pid {pid}) announced a kill of {}", name(prekill.cgroup.as_bytes()))
}

/// What was read before the kill: the cgroup's figures, then the largest processes.
pub(super) fn before(snapshot: &Snapshot) -> Vec<String> {
    let figures = [
        ("memory", snapshot.usage_bytes),
        ("swap", snapshot.swap_bytes),
        ("anon", snapshot.anon_bytes),
        ("file", snapshot.file_bytes),
        ("shmem", snapshot.shmem_bytes),
    ];
    let known = figures.into_iter().filter_map(|(name, bytes)| Some(format!("{name} {}", size(bytes?))));
    let stall = snapshot.stall_permille.map(|share| format!("stalled {}.{} %", share / 10, share % 10));
    let figures: Vec<String> = known.chain(stall).collect();
    let mut lines: Vec<String> = (!figures.is_empty()).then(|| figures.join(", ")).into_iter().collect();
    lines.push(number(snapshot));
    lines.extend(snapshot.processes.iter().take(NAMED).map(process));
    lines
}

fn number(snapshot: &Snapshot) -> String {
    let shown = u64::try_from(snapshot.processes.len().min(NAMED)).unwrap_or(u64::MAX);
    let total = match snapshot.processes_total {
        Some(1) => "1 process".to_owned(),
        Some(total) => format!("{} processes", count(total)),
        None => "an unknown number of processes".to_owned(),
    };
    let hidden = snapshot.processes_total.map(|total| total.saturating_sub(shown));
    let more = hidden.filter(|hidden| *hidden > 0).map(|hidden| format!(", {} not shown", count(hidden)));
    let unsure = if snapshot.all_compared { "" } else { "; not all could be compared" };
    format!("{total}{}{unsure}", more.unwrap_or_default())
}

fn process(process: &PrekillProcess) -> String {
    let comm = process.comm.as_ref().map_or_else(|| ABSENT.to_owned(), |comm| name(comm.as_bytes()));
    let words =
        process.cmdline.as_deref().map(|words| words.iter().map(ByteString::as_bytes).collect::<Vec<_>>());
    let cmdline = words.map(|words| format!(": {}", cut(&words.join(&b' '), CMDLINE_COLUMNS)));
    format!("{comm} (pid {}) {}{}", process.pid, size(process.rss_bytes), cmdline.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{announced, before};
    use crate::report::{Prekill, PrekillProcess, Snapshot};

    fn snapshot(processes: usize) -> Snapshot {
        let process =
            |pid| PrekillProcess { pid, comm: Some("a\x1b[2Jb".into()), rss_bytes: 2 << 20, cmdline: None };
        Snapshot {
            after_ns: 1,
            took_ns: 1,
            usage_bytes: Some(64 << 20),
            swap_bytes: None,
            anon_bytes: None,
            file_bytes: None,
            shmem_bytes: None,
            stall_permille: Some(123),
            full_stall_permille: None,
            processes_total: u64::try_from(processes).ok(),
            left_out: None,
            all_compared: true,
            processes: (1..).take(processes.min(16)).map(process).collect(),
        }
    }

    #[test]
    fn shows_who_announced_the_kill_and_the_largest_processes() {
        let comm = Some("systemd-oomd".into());
        let prekill =
            Prekill { pid: Some(7), comm, cgroup: "/a\n".into(), before_ns: 3_000_000, snapshot: None };
        let words = announced(&prekill);
        assert!(words.contains("systemd-oomd (pid 7) announced a kill of /a\\"), "{words}");
        let lines = before(&snapshot(30));
        assert_eq!(lines[0], "memory 64.0 MiB, stalled 12.3 %");
        assert_eq!(lines[1], "30 processes, 22 not shown");
        assert_eq!(lines.len(), 10);
        assert!(lines[2].ends_with("(pid 1) 2.0 MiB") && !lines[2].contains('\x1b'), "{lines:?}");
    }

    #[test]
    fn an_unknown_number_is_not_shown_as_zero() {
        let unknown =
            Snapshot { usage_bytes: None, stall_permille: None, processes_total: None, ..snapshot(0) };
        let lines = before(&Snapshot { all_compared: false, ..unknown });
        assert_eq!(lines, ["an unknown number of processes; not all could be compared"]);
    }
}
