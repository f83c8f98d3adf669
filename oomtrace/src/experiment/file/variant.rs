//! Parses `[[variant]]` and checks that the settings it changes exist.

use super::{
    process::command,
    table::{Field, Problems, Table, members, setting},
};
use crate::experiment::plan::{Cgroup, Process, ProcessChange, Variant, Work};

pub(super) fn variants(
    file: &mut Table<'_, '_>,
    cgroups: &[Cgroup],
    processes: &[Process],
    problems: &mut Problems<'_>,
) -> Vec<Variant> {
    let mut variants: Vec<Variant> = Vec::new();
    for table in file.tables("variant", problems) {
        let line = table.line;
        let Some(variant) = variant(table, cgroups, processes, problems) else {
            problems.add(line, "a [[variant]] needs a `name`");
            continue;
        };
        if variants.iter().any(|known| known.name == variant.name) {
            problems.add(line, format!("there are two variants `{}`", variant.name));
        }
        variants.push(variant);
    }
    if variants.is_empty() && problems.found.is_empty() {
        problems.add(1, "the file needs at least one [[variant]]");
    }
    variants
}

fn variant(
    mut table: Table<'_, '_>,
    cgroups: &[Cgroup],
    processes: &[Process],
    problems: &mut Problems<'_>,
) -> Option<Variant> {
    let line = table.line;
    let name = table.text("name", problems);
    let knobs = table.settings("knob", problems);
    let cgroup_tables = table.members("cgroup", problems);
    let cgroups =
        cgroup_tables.into_iter().filter_map(|(path, field)| cgroup(path, &field, cgroups, problems));
    let cgroups = cgroups.collect();
    let process_tables = table.members("process", problems);
    let changes =
        process_tables.into_iter().filter_map(|(name, field)| process(name, &field, processes, problems));
    let processes = changes.collect();
    table.done(problems);
    Some(Variant { name: name?.0, cgroups, processes, knobs, line })
}

fn cgroup(
    path: String,
    field: &Field<'_, '_>,
    cgroups: &[Cgroup],
    problems: &mut Problems<'_>,
) -> Option<Cgroup> {
    let line = field.line;
    if !cgroups.iter().any(|cgroup| cgroup.path == path) {
        problems.add(line, format!("there is no [[cgroup]] with the path `{path}`"));
    }
    let Some(table) = field.value.as_table() else {
        problems.add(line, format!("`cgroup.{path}` is a table: [variant.cgroup.{path}]"));
        return None;
    };
    let settings = members(table, problems).into_iter();
    let files = settings.filter_map(|(name, field)| setting(name, &field, problems)).collect();
    Some(Cgroup { path, files, line })
}

fn process(
    name: String,
    field: &Field<'_, '_>,
    processes: &[Process],
    problems: &mut Problems<'_>,
) -> Option<ProcessChange> {
    let line = field.line;
    let known = processes.iter().find(|process| process.name == name);
    if known.is_none() {
        problems.add(line, format!("there is no [[process]] `{name}`"));
    }
    let Some(table) = field.value.as_table() else {
        problems.add(line, format!("`process.{name}` is a table: [variant.process.{name}]"));
        return None;
    };
    let mut table = Table::new(table, format!("process.{name} of a variant"), line);
    let adj = table.number("oom_score_adj", -1000..=1000, problems);
    let bytes = table.size("size", problems).map(|(bytes, _)| bytes);
    let rate = table.size("rate", problems).map(|(rate, _)| rate);
    let command = command(&mut table, problems);
    table.done(problems);
    let is_command = known.is_some_and(|process| matches!(process.work, Work::Command(_)));
    if is_command && (bytes.is_some() || rate.is_some()) {
        problems.add(line, format!("`{name}` is a command, and has no `size` or `rate`"));
    }
    if command.is_some() && !is_command {
        problems.add(line, format!("`{name}` is a hog, and has no `command`"));
    }
    Some(ProcessChange {
        name,
        oom_score_adj: adj.and_then(|adj| i16::try_from(adj).ok()),
        bytes,
        rate,
        command,
        line,
    })
}
