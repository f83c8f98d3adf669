//! `docs/whatif.md` matches the JSON of `oomtrace whatif`: it documents every key and no other.

use std::collections::{BTreeMap, BTreeSet};

use oomtrace::{
    account::Whole,
    explain::{Code, Outcome, Policy},
    incident::{PassedOver, Role},
    whatif::{Answer, Change, Decision, Later, Memory, Room, Row, SCHEMA, Victim, Vote},
};
use serde_json::Value;

const DOC: &str = include_str!("../../docs/whatif.md");

/// Every key in the document, with its path, its type and whether it can be `null`.
fn documented() -> BTreeMap<String, (String, bool)> {
    let mut keys = BTreeMap::new();
    for line in DOC.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [paths, kind, null_when, meaning] = cells.as_slice() else { continue };
        assert!(!meaning.is_empty(), "{line}");
        for path in paths.split_whitespace() {
            let key = ((*kind).to_owned(), *null_when != "never");
            let previous = keys.insert(path.trim_matches('`').to_owned(), key);
            assert!(previous.is_none(), "{path} is documented twice");
        }
    }
    keys
}

/// Collects every path in a value with its type. Elements of an array of objects share one path.
fn paths(value: &Value, path: &str, found: &mut BTreeMap<String, String>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is_row = path.ends_with("[]") && value.is_object();
    if !path.is_empty() && !is_row {
        found.insert(path.to_owned(), kind.to_owned());
    }
    match value {
        Value::Array(elements) => {
            elements.iter().for_each(|element| paths(element, &format!("{path}[]"), found));
        }
        Value::Object(members) => {
            for (name, member) in members {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                paths(member, &below, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn found(answer: &Answer) -> serde_json::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    paths(&serde_json::to_value(answer)?, "", &mut found);
    Ok(found)
}

#[test]
fn the_document_has_exactly_the_keys_and_their_types() {
    let documented = documented();
    let found = found(&maximal()).unwrap();
    let keys: BTreeSet<&String> = found.keys().collect();
    assert_eq!(keys, documented.keys().collect::<BTreeSet<_>>());
    for (path, kind) in found {
        let written = if documented[&path].0 == "bytes" { "string" } else { documented[&path].0.as_str() };
        assert_eq!(kind, written, "{path}");
    }
}

#[test]
fn the_document_says_what_can_be_null() {
    let unlimited = Answer { memory: Some(memory(None)), ..minimal() };
    let at_once = Answer { later: None, ..minimal() };
    let nulls: BTreeSet<String> = [minimal(), unlimited, at_once]
        .iter()
        .flat_map(|answer| found(answer).unwrap())
        .filter(|(_, kind)| kind == "null")
        .map(|(path, _)| path)
        .collect();
    for (path, (_, can_be_null)) in documented() {
        assert_eq!(can_be_null, nulls.contains(&path), "{path}");
    }
}

#[test]
fn the_document_names_every_part_that_can_be_changed() {
    let error = Change::part("anon=0").unwrap_err();
    let row = DOC.lines().find(|line| line.starts_with("| `--part")).unwrap();
    for part in error.split_once(": ").unwrap().1.split(", ") {
        assert!(row.contains(&format!("`{part}`")), "{part}");
    }
}

#[test]
fn the_document_names_every_role_and_reason() {
    let row = |path: &str| DOC.lines().find(|line| line.starts_with(&format!("| `{path}`"))).unwrap();
    for role in [Role::Chosen, Role::Group, Role::SharedMm] {
        assert!(row("before.victims[].role").contains(&format!("`{}`", role.name())));
    }
    for reason in PassedOver::ALL {
        assert!(row("candidates[].before.passed_over").contains(&format!("`{}`", reason.name())));
    }
}

/// An answer with every field known.
fn maximal() -> Answer {
    let victim =
        Victim { pid: Some(1), comm: Some("a".into()), cgroup: Some("/a".into()), role: Role::Chosen };
    let decision = Decision {
        happens: true,
        policy: Some(Policy::Badness),
        outcome: Some(Outcome::Killed),
        total_pages: Some(1),
        points: Some(1),
        margin_points: Some(1),
        runner_up_pid: Some(2),
        victims: vec![victim],
    };
    let vote = Vote { oom_score_adj: Some(0), points: Some(1), passed_over: Some("init"), dies: true };
    let row = Row {
        pid: Some(1),
        comm: Some("a".into()),
        cgroup: Some("/a".into()),
        estimated: false,
        before: vote,
        after: vote,
    };
    Answer {
        schema: SCHEMA,
        id: "1".to_owned(),
        time: Some("2026-01-02T03:04:05Z".to_owned()),
        cause: Code::MemcgLimit,
        page_bytes: 4096,
        changes: vec!["a change".to_owned()],
        estimated: false,
        before: decision.clone(),
        after: decision,
        memory: Some(memory(Some(1))),
        later: Some(Later { ns: 1, bytes_per_second: 1, cgroup: Some("/a".into()) }),
        candidates: vec![row],
        remarks: vec!["a remark".to_owned()],
        summary: "summary".to_owned(),
    }
}

/// An answer with only the fields that are always known.
fn minimal() -> Answer {
    let victim = Victim { pid: None, comm: None, cgroup: None, role: Role::Chosen };
    let decision = Decision { victims: vec![victim], ..Decision::default() };
    let vote = Vote { oom_score_adj: None, points: None, passed_over: None, dies: false };
    let row = Row { pid: None, comm: None, cgroup: None, estimated: false, before: vote, after: vote };
    let later = Some(Later { ns: 1, bytes_per_second: 1, cgroup: None });
    Answer {
        time: None,
        before: decision.clone(),
        after: decision,
        memory: None,
        later,
        candidates: vec![row],
        ..maximal()
    }
}

/// The memory of a cgroup with this limit.
fn memory(limit_bytes: Option<u64>) -> Memory {
    let room = Room { limit_bytes, used_bytes: 1, left_bytes: limit_bytes, stays_bytes: 1, unknown_bytes: 1 };
    Memory { of: Whole::Cgroup, before: room, after: room }
}
