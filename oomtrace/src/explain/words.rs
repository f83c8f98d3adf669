//! Words of a sentence: processes by name, and sizes.

use super::place;
use crate::{
    attribute,
    incident::{Incident, Task},
};

/// Characters of a process's title.
const TITLE_CHARACTERS: usize = 48;

/// A process by its names and number.
pub(super) fn name(incident: &Incident, task: &Task) -> String {
    let comm = thread_and_process(task)
        + &title(incident, task).map(|title| format!(" {title}")).unwrap_or_default();
    match task.pid.or(task.tid) {
        Some(pid) => format!("{comm} (pid {pid})"),
        None => comm,
    }
}

/// The name of the process. For a thread that is not the first one, both names, because the pid belongs to the process.
fn thread_and_process(task: &Task) -> String {
    let Some(comm) = &task.comm else { return "a process".to_owned() };
    let is_leader = task.tid == task.pid || task.is_kthread();
    match task.leader_comm.as_ref().filter(|leader| !is_leader && *leader != comm) {
        Some(leader) => format!("thread {} of {}", comm.to_words(), leader.to_words()),
        None => comm.to_words(),
    }
}

/// The title that the process set for itself, in quotes.
fn title(incident: &Incident, task: &Task) -> Option<String> {
    let mut looks = incident.processes.iter().filter(|look| crate::incident::is_of(look, task));
    let title = looks.find_map(|look| attribute::title(look.cmdline.as_deref()?, look.exe.as_ref()))?;
    // A quote inside the title must not look like its end.
    Some(format!("\"{}\"", place::bounded(&title.to_words().replace('"', "'"), TITLE_CHARACTERS)))
}

/// 1st, 2nd, 3rd, 4th, 11th.
pub(crate) fn ordinal(number: u64) -> String {
    let suffix = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}

/// Milliseconds, seconds or minutes: one of them is enough for a sentence.
pub(crate) fn duration(ns: u64) -> String {
    match ns {
        0..1_000_000 => "less than 1 ms".to_owned(),
        1_000_000..1_000_000_000 => format!("{} ms", ns / 1_000_000),
        1_000_000_000..120_000_000_000 => format!("{} s", ns / 1_000_000_000),
        _ => format!("{} min", ns / 60_000_000_000),
    }
}

/// A size with one decimal, which is enough for a sentence. Reports give the exact bytes as well.
pub(crate) fn size(bytes: u64) -> String {
    let (unit, name) = match bytes {
        ..0x10_0000 => (1_u64 << 10, "KiB"),
        0x10_0000..0x4000_0000 => (1 << 20, "MiB"),
        _ => (1 << 30, "GiB"),
    };
    let tenths = bytes.saturating_mul(10).saturating_add(unit / 2) / unit;
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}
