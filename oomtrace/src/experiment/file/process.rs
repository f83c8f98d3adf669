//! Reads the tables `[[process]]` of an experiment file: the processes that run in each run.

use std::time::Duration;

use super::table::{Field, Problems, Table};
use crate::experiment::plan::{At, Cgroup, Hog, Process, Shape, Work};

/// The maximum length of a `comm`, in bytes.
const COMM_MAX: usize = 15;

/// The maximum number of threads or processes of one hog.
const COUNT_MAX: i64 = 1024;

pub(super) fn processes(
    file: &mut Table<'_, '_>,
    cgroups: &[Cgroup],
    problems: &mut Problems<'_>,
) -> Vec<Process> {
    let mut processes: Vec<Process> = Vec::new();
    for table in file.tables("process", problems) {
        let line = table.line;
        if let Some(process) = process(table, problems) {
            complain(&process, cgroups, &processes, problems);
            processes.push(process);
        } else if problems.found.iter().all(|problem| problem.line < line) {
            problems
                .add(line, "a [[process]] needs a `name`, and either a `hog` with its `size` or a `command`");
        }
    }
    if processes.is_empty() && problems.found.is_empty() {
        problems.add(1, "the file needs at least one [[process]]");
    }
    processes
}

fn process(mut table: Table<'_, '_>, problems: &mut Problems<'_>) -> Option<Process> {
    let line = table.line;
    let at = |(value, line)| At { value, line };
    let name = table.text("name", problems);
    let cgroup = table.text("cgroup", problems).map(at);
    let oom_score_adj = table.number("oom_score_adj", -1000..=1000, problems).unwrap_or(0);
    let after = table.text("after", problems).map(at);
    let delay = table.number("delay_ms", 0..=3_600_000, problems).unwrap_or(0);
    let work = work(&mut table, problems);
    table.done(problems);
    Some(Process {
        name: name?.0,
        cgroup,
        work: work?,
        oom_score_adj: i16::try_from(oom_score_adj).ok()?,
        after,
        delay: Duration::from_millis(u64::try_from(delay).ok()?),
        line,
    })
}

fn complain(process: &Process, cgroups: &[Cgroup], before: &[Process], problems: &mut Problems<'_>) {
    let Process { name, cgroup, after, line, .. } = process;
    let known = |name: &str| before.iter().any(|process| process.name == name);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.len() > COMM_MAX || !name.bytes().all(plain) {
        problems.add(
            *line,
            format!(
                "the name `{name}` is the kernel's `comm`, too: 15 letters, digits, `-`, `_` or `.` at most"
            ),
        );
    }
    if known(name) {
        problems.add(*line, format!("there are two processes `{name}`"));
    }
    if let Some(At { value, line }) = cgroup.as_ref().filter(|at| !cgroups.iter().any(|c| c.path == at.value))
    {
        problems.add(*line, format!("there is no [[cgroup]] with the path `{value}`"));
    }
    let is_in =
        |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
    if let Some(At { value, line }) =
        cgroup.as_ref().filter(|at| cgroups.iter().any(|c| is_in(&c.path, &at.value)))
    {
        // https://github.com/torvalds/linux/blob/v6.12/kernel/cgroup/cgroup.c#L2580 (`cgroup_migrate_vet_dst`)
        problems.add(
            *line,
            format!("no process can live in `{value}`, because it has child cgroups: use one of them"),
        );
    }
    if let Some(At { value, line }) = after.as_ref().filter(|at| !known(&at.value)) {
        problems.add(*line, format!("no process `{value}` is listed before `{name}`"));
    }
}

fn work(table: &mut Table<'_, '_>, problems: &mut Problems<'_>) -> Option<Work> {
    let line = table.line;
    let hog = table.text("hog", problems);
    let size = table.size("size", problems);
    let rate = table.size("rate", problems);
    let count = table.number("count", 1..=COUNT_MAX, problems);
    let hold = table.switch("hold", problems);
    match (hog, command(table, problems)) {
        (Some((name, at)), None) => {
            let Some(shape) = Shape::ALL.into_iter().find(|shape| shape.name() == name) else {
                let known = Shape::ALL.map(Shape::name).join(", ");
                problems.add(at, format!("there is no hog `{name}`; there are {known}"));
                return None;
            };
            if size.is_none() {
                problems.add(at, "a hog needs a `size`");
            }
            let count = count.and_then(|count| u32::try_from(count).ok());
            let (rate, hold) = (rate.map(|(rate, _)| rate), hold.unwrap_or(true));
            Some(Work::Hog(Hog { shape, bytes: size?.0, rate, count: count.unwrap_or(1), hold }))
        }
        (None, Some(command)) => {
            if size.is_some() || rate.is_some() || count.is_some() || hold.is_some() {
                problems.add(line, "`size`, `rate`, `count` and `hold` are a hog's, and this is a command");
            }
            Some(Work::Command(command))
        }
        (Some(_), Some(_)) => {
            problems.add(line, "a process is either a `hog` or a `command`");
            None
        }
        (None, None) => None,
    }
}

pub(super) fn command(table: &mut Table<'_, '_>, problems: &mut Problems<'_>) -> Option<Vec<String>> {
    let Field { value, line } = table.field("command", problems)?;
    let texts = |array: &toml::de::DeArray<'_>| -> Option<Vec<String>> {
        array.iter().map(|word| Some(word.get_ref().as_str()?.to_owned())).collect()
    };
    let command = value.as_array().and_then(texts).filter(|command| !command.is_empty());
    if command.is_none() {
        problems.add(line, "`command` is a list of texts: the program and its arguments");
    }
    command
}
