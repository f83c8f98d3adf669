//! Checks that without each privilege of the manifest, a report lacks exactly the keys in the table of `docs/install.md`.

use std::{collections::BTreeSet, fs};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{Built, image::Engine};
use crate::host::run::say;

/// The page, and the word in its table for a tracer that does not start.
const PAGE: &str = "docs/install.md";
const ALL: &str = "everything";

/// The number of reports that must lack a key before it counts as missing.
const TRIES: usize = 3;

/// The rows of the table by their first cell, each with the beginning of podman's options for the privilege.
const CASES: [(&str, &str); 11] = [
    ("`BPF`", "--cap-add=BPF"),
    ("`PERFMON`", "--cap-add=PERFMON"),
    ("`SYS_PTRACE`", "--cap-add=SYS_PTRACE"),
    ("`DAC_READ_SEARCH`", "--cap-add=DAC_READ_SEARCH"),
    ("`SYS_NICE`", "--cap-add=SYS_NICE"),
    ("`IPC_LOCK`", "--cap-add=IPC_LOCK"),
    ("`SYSLOG`", "--cap-add=SYSLOG"),
    ("`SYS_RESOURCE`", "--cap-add=SYS_RESOURCE"),
    ("`hostPID`", "--pid=host"),
    ("`/sys/fs/cgroup`", "--volume=/sys/fs/cgroup"),
    ("the runtime's state", "--volume=/run/runc"),
];

pub(super) fn check(built: &Built<'_>) -> Result<()> {
    let engine = Engine::new(built)?;
    let options = engine.manifest();
    let path = built.release.root.join(PAGE);
    let page = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let present = always_present(&engine, &options)?;
    let mut wrong = Vec::new();
    for (row, option) in CASES {
        let without: Vec<String> = options.iter().filter(|had| !had.starts_with(option)).cloned().collect();
        if without.len() == options.len() {
            say(&format!("{row} cannot be tested: this machine does not have it"));
            continue;
        }
        let lost = lost_without(&engine, &without, &present)?;
        say(&format!("without {row}: {lost:?}"));
        let mut written = documented(&page, row).with_context(|| format!("{PAGE} has no row for {row}"))?;
        // A machine may refuse some of them to every container.
        written.retain(|key| !key.starts_with("tracer.") || present.contains(key));
        if written != lost {
            wrong.push(format!("without {row}, {lost:?} is missing; {PAGE} says {written:?}"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("; "));
    Ok(())
}

/// The keys that two reports both have. A key that one of them lacks does not depend on a privilege.
fn always_present(engine: &Engine, options: &[String]) -> Result<BTreeSet<String>> {
    let keys = || -> Result<_> { Ok(keys(&engine.report(options)?.context("the tracer is not armed")?)) };
    Ok(&keys()? & &keys()?)
}

/// The keys that all reports with these options lack. A process may exit before it is read, so one report is not enough.
fn lost_without(engine: &Engine, options: &[String], present: &BTreeSet<String>) -> Result<BTreeSet<String>> {
    let mut seen = BTreeSet::new();
    for _ in 0..TRIES {
        match engine.report(options)? {
            None => return Ok([ALL.to_owned()].into()),
            Some(report) => seen.extend(keys(&report)),
        }
        if present.is_subset(&seen) {
            break;
        }
    }
    Ok(lost(present, &seen))
}

/// The keys of a report that have a value. A list has the keys of all its elements. The minutes before depend on the times of
/// the samples, so only their presence counts.
fn keys(report: &Value) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    collect(report, "", &mut keys);
    keys.retain(|key| !key.starts_with("lead_up."));
    keys
}

fn collect(value: &Value, name: &str, keys: &mut BTreeSet<String>) {
    match value {
        Value::Null => return,
        Value::Object(members) => {
            for (key, value) in members {
                let dot = if name.is_empty() { "" } else { "." };
                collect(value, &format!("{name}{dot}{key}"), keys);
            }
        }
        Value::Array(elements) => {
            elements.iter().for_each(|element| collect(element, &format!("{name}[]"), keys));
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    keys.insert(name.to_owned());
}

/// The missing keys. If a key is missing, all keys below it are missing too, and they are not listed.
fn lost(whole: &BTreeSet<String>, rest: &BTreeSet<String>) -> BTreeSet<String> {
    let lost: BTreeSet<&String> = whole.difference(rest).collect();
    let is_below = |key: &str, other: &str| {
        key.strip_prefix(other).is_some_and(|rest| rest.starts_with('.') || rest.starts_with('['))
    };
    lost.iter()
        .filter(|key| !lost.iter().any(|other| is_below(key, other)))
        .map(|key| (*key).clone())
        .collect()
}

/// The keys in the second cell of a row: words in backticks, [`ALL`], or no key (`nothing`).
fn documented(page: &str, row: &str) -> Option<BTreeSet<String>> {
    let cells =
        page.lines().find_map(|line| line.strip_prefix("| ")?.strip_prefix(row)?.strip_prefix(" | "))?;
    let (cell, _) = cells.split_once(" |")?;
    if cell == ALL {
        return Some([ALL.to_owned()].into());
    }
    Some(cell.split('`').skip(1).step_by(2).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::host::workspace;

    #[test]
    fn names_the_highest_key_that_is_missing() {
        let whole = json!({"victims": [{"exe": "/bin/a", "title": null}, {"exe": null}], "stat": {"anon": 1}, "x": 1});
        let rest = json!({"victims": [{"exe": null, "title": "t"}], "stat": null, "x": 2});
        let lost = lost(&keys(&whole), &keys(&rest));
        assert_eq!(lost, ["stat", "victims[].exe"].map(str::to_owned).into());
    }

    #[test]
    fn each_privilege_has_a_row() {
        let page = fs::read_to_string(workspace::root().join(PAGE)).unwrap();
        for (row, _) in CASES {
            assert!(documented(&page, row).is_some(), "{row}");
        }
    }
}
