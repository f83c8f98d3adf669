//! A process: the trigger, or a victim.

use super::{
    super::{
        sanitize::{cut, name, text},
        units::{ABSENT, or_absent},
    },
    sheet::Sheet,
};
use crate::{
    bytes::ByteString,
    report::{Process, Report},
    sink::place::{details, label},
};

/// Columns of a command line.
const CMDLINE_COLUMNS: usize = 300;

pub(super) fn trigger(sheet: &mut Sheet, report: &Report) {
    let Some(process) = &report.trigger else {
        return sheet.section("trigger", ABSENT);
    };
    let is_victim = process.pid.is_some_and(|pid| report.has_victim(pid));
    let remark = if is_victim { " (a victim, see there)" } else { "" };
    sheet.section("trigger", &format!("{}{remark}", title(process)));
    sheet.named("process", &numbers(process));
    if !is_victim {
        places(sheet, process);
    }
}

/// The thread's name, and the process's name if it differs.
pub(super) fn title(process: &Process) -> String {
    let comm = process.comm.as_ref().map_or_else(|| ABSENT.to_owned(), |comm| name(comm.as_bytes()));
    match &process.leader_comm {
        Some(leader) => format!("{comm}, a thread of {}", name(leader.as_bytes())),
        None => comm,
    }
}

pub(super) fn numbers(process: &Process) -> String {
    let Process { pid, tid, ns_pid, uid, oom_score_adj, .. } = process;
    let differs = |label: &str, number: &Option<i32>| match number {
        Some(number) if Some(*number) != *pid => format!(", {label} {number}"),
        _ => String::new(),
    };
    let (tid, ns_pid) = (differs("tid", tid), differs("ns_pid", ns_pid));
    let (pid, uid, adj) = (or_absent(*pid), or_absent(*uid), or_absent(*oom_score_adj));
    format!("pid {pid}{tid}{ns_pid}, uid {uid}, oom_score_adj {adj}")
}

/// The executable, the command line and the cgroup.
pub(super) fn places(sheet: &mut Sheet, process: &Process) {
    for (term, words) in details(&process.place) {
        sheet.named(term, &words);
    }
    let path = |path: &Option<ByteString>| path.as_ref().map(|path| text(path.as_bytes()));
    sheet.named("cmdline", &process.cmdline.as_deref().map_or_else(|| ABSENT.to_owned(), cmdline));
    sheet.named("exe", &or_absent(path(&process.exe)));
    sheet.named("cgroup", &or_absent(path(&process.cgroup)));
}

/// Arguments side by side, in quotes if they contain blanks.
fn cmdline(arguments: &[ByteString]) -> String {
    let word = |argument: &ByteString| match argument.as_bytes() {
        plain if !plain.is_empty() && !plain.contains(&b' ') => plain.to_vec(),
        blank => [b"'", blank, b"'"].concat(),
    };
    // A process that sets a title leaves its other arguments empty.
    let last = arguments.iter().rposition(|argument| !argument.as_bytes().is_empty());
    let whole: Vec<Vec<u8>> =
        arguments.iter().take(last.map_or(arguments.len(), |last| last + 1)).map(word).collect();
    cut(&whole.join(&b' '), CMDLINE_COLUMNS)
}

/// A process in one line, for long lists.
pub(super) fn brief(process: &Process) -> String {
    let path = || process.cgroup.as_ref().map_or_else(|| ABSENT.to_owned(), |path| name(path.as_bytes()));
    let place = label(&process.place).unwrap_or_else(path);
    format!("{} ({}) in {place}", title(process), numbers(process))
}
