//! Parses an experiment's file into its plan. It does not read the machine; `check` does that.

mod process;
mod table;
mod variant;

use std::time::Duration;

use toml::de::DeTable;

pub use self::table::Problem;
use self::table::{Problems, Table};
use super::plan::{At, Cgroup, Plan};

/// The cgroup of processes that name none. On v2 it is needed because a cgroup with children cannot have processes.
pub const NO_CGROUP: &str = "default";

/// The maximum number of runs per variant. The tests between variants count every way to mix them.
pub const REPEATS_MAX: i64 = 100;

/// Checks that a file is text.
///
/// # Errors
///
/// If it is not UTF-8, with the line.
pub fn text(bytes: &[u8]) -> Result<&str, Vec<Problem>> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        vec![Problem { line, what: "this is not UTF-8, which TOML is written in".to_owned() }]
    })
}

/// Parses a file.
///
/// # Errors
///
/// All problems of the file, in the order of the lines.
pub fn parse(text: &str) -> Result<Plan, Vec<Problem>> {
    let mut problems = Problems::new(text);
    let plan = match DeTable::parse(text) {
        Ok(table) => plan(Table::new(table.get_ref(), "the file", 1), &mut problems),
        Err(error) => {
            let line = problems.line(error.span().map_or(0, |span| span.start));
            problems.add(line, error.message().to_owned());
            None
        }
    };
    problems.found.sort_by_key(|problem| problem.line);
    plan.filter(|_| problems.found.is_empty()).ok_or(problems.found)
}

fn plan(mut table: Table<'_, '_>, problems: &mut Problems<'_>) -> Option<Plan> {
    let title = table.text("title", problems);
    if title.is_none() {
        problems.add(1, "the file needs a `title`: the question it answers");
    }
    let repeats = table.number("repeats", 1..=REPEATS_MAX, problems).unwrap_or(20);
    let seed = table.number("seed", 0..=i64::MAX, problems).unwrap_or(1);
    let time_limit = table.number("time_limit_s", 1..=3600, problems).unwrap_or(30);
    let settle = table.number("settle_ms", 0..=60_000, problems).unwrap_or(200);
    let limit = table.size("limit", problems).map(|(value, line)| At { value, line });
    let swap_limit = table.size("swap_limit", problems).map_or(0, |(bytes, _)| bytes);
    let cgroups = cgroups(&mut table, problems);
    let processes = process::processes(&mut table, &cgroups, problems);
    let knobs = table.settings("knob", problems);
    let variants = variant::variants(&mut table, &cgroups, &processes, problems);
    table.done(problems);
    Some(Plan {
        title: title?.0,
        repeats: u32::try_from(repeats).ok()?,
        seed: u64::try_from(seed).ok()?,
        time_limit: Duration::from_secs(u64::try_from(time_limit).ok()?),
        settle: Duration::from_millis(u64::try_from(settle).ok()?),
        limit,
        swap_limit,
        cgroups,
        processes,
        knobs,
        variants,
    })
}

fn cgroups(file: &mut Table<'_, '_>, problems: &mut Problems<'_>) -> Vec<Cgroup> {
    let mut cgroups: Vec<Cgroup> = Vec::new();
    for mut table in file.tables("cgroup", problems) {
        let line = table.line;
        let path = table.text("path", problems);
        let files = table.settings("set", problems);
        table.done(problems);
        let Some((path, line)) = path else {
            problems.add(line, "a [[cgroup]] needs a `path`");
            continue;
        };
        if let Some(wrong) = wrong_path(&path, &cgroups) {
            problems.add(line, wrong);
        }
        cgroups.push(Cgroup { path, files, line });
    }
    cgroups
}

/// Whether every cgroup has a file with this name.
/// <https://github.com/torvalds/linux/blob/v6.12/kernel/cgroup/cgroup-v1.c#L623> (`cgroup1_base_files`)
fn is_cgroupfs(name: &str) -> bool {
    ["cgroup.", "memory."].iter().any(|controller| name.starts_with(controller))
        || ["tasks", "notify_on_release", "release_agent"].contains(&name)
}

fn wrong_path(path: &str, above: &[Cgroup]) -> Option<String> {
    let known = |path: &str| above.iter().any(|cgroup| cgroup.path == path);
    let is_name = |name: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        !name.is_empty() && !name.starts_with('.') && name.bytes().all(plain)
    };
    if !path.split('/').all(is_name) {
        return Some(format!(
            "the cgroup `{path}` is a path below the experiment's own, such as \"box/inner\": letters, digits, `-`, `_`, \
             `.`, no slash at either end"
        ));
    }
    if path == NO_CGROUP || path.split('/').any(is_cgroupfs) {
        return Some(format!(
            "a cgroup cannot be called `{path}`: another file with this name is there already"
        ));
    }
    if known(path) {
        return Some(format!("the cgroup `{path}` is listed twice"));
    }
    let parent = path.rsplit_once('/').map(|(parent, _)| parent)?;
    (!known(parent)).then(|| format!("the cgroup `{path}` is in `{parent}`, which must be listed before it"))
}
