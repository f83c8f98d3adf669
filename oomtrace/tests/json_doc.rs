//! `docs/json.md` matches the JSON: it documents every key and no other.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use oomtrace::{
    account::{HolderKind, ReasonCode, What, Whole},
    attribute::{JobKind, Qos, RUNTIMES},
    explain::{Code, Confidence, Outcome, Policy},
    incident::{AllocationKind, Link, Method, PassedOver, Role, StateSource},
    kernel::tier::Tier,
    lead_up::Shape,
    report::{Allocation, ClosedBy, Report, UserCall},
};
use serde_json::Value;

use self::{
    reports::{maximal, minimal, without_inner_values, without_names},
    shortage::{empty_account, empty_machine},
};

#[path = "json_doc/forecast.rs"]
mod forecast;
#[path = "json_doc/lead_up.rs"]
mod lead_up;
#[path = "json_doc/reports.rs"]
mod reports;
#[path = "json_doc/shortage.rs"]
mod shortage;

const WHOLE: &str = include_str!("../../docs/json.md");

/// Forecasts have a table of their own.
const FORECASTS: &str = "\n## A forecast\n";

/// The part about incidents.
static DOC: LazyLock<&str> = LazyLock::new(|| WHOLE.split(FORECASTS).next().unwrap_or(WHOLE));

/// A documented key.
#[derive(Debug)]
struct Key {
    kind: String,
    null_when: String,
}

/// The keys of the document by path: the rows whose first cell contains only paths.
fn documented() -> BTreeMap<String, Key> {
    keys_of(&DOC)
}

fn keys_of(part: &str) -> BTreeMap<String, Key> {
    let mut keys = BTreeMap::new();
    for line in part.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [paths, kind, null_when, meaning] = cells.as_slice() else {
            continue;
        };
        assert!(!meaning.is_empty() && !null_when.is_empty(), "{line}");
        for path in paths.split_whitespace() {
            let key = Key { kind: (*kind).to_owned(), null_when: (*null_when).to_owned() };
            let previous = keys.insert(path.trim_matches('`').to_owned(), key);
            assert!(previous.is_none(), "{path} is documented twice");
        }
    }
    keys
}

/// Lists of objects.
const ROWS: [&str; 20] = [
    "lead_up.samples[]",
    "lead_up.growers[]",
    "lead_up.growers[].samples[]",
    "lead_up.cgroups[]",
    "allocation.user_stack[]",
    "prekill.snapshot.processes[]",
    "followed[]",
    "followed[].processes[]",
    "victims[]",
    "candidates[]",
    "domain.chain[]",
    "machine.nodes[]",
    "machine.zones[]",
    "machine.swap.devices[]",
    "machine.huge_pages[]",
    "machine.tmpfs[]",
    "machine.slabs[]",
    "account.parts[]",
    "account.reasons[]",
    "machine.zones[].free_block_types[]",
];

/// Collects every path in a value with the types found there.
fn paths(value: &Value, path: &str, found: &mut BTreeMap<String, BTreeSet<&'static str>>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "float",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    // A list of objects has no row of its own: the rows of its keys describe each element.
    if !path.is_empty() && !ROWS.contains(&path) {
        found.entry(path.to_owned()).or_default().insert(kind);
    }
    match value {
        Value::Array(elements) => {
            for element in elements {
                paths(element, &format!("{path}[]"), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let name = match (path, name.as_str()) {
                    ("domain.memory_stat", _) => "*",
                    ("machine.nodes[]", counter) if counter != "node" => "*_bytes",
                    (_, name) => name,
                };
                let below = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                paths(member, &below, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn found(report: &Report) -> serde_json::Result<BTreeMap<String, BTreeSet<&'static str>>> {
    let mut found = BTreeMap::new();
    paths(&serde_json::to_value(report)?, "", &mut found);
    Ok(found)
}

#[test]
fn the_document_has_exactly_the_keys_of_a_report() {
    let in_report: BTreeSet<String> = found(&maximal()).unwrap().into_keys().collect();
    let in_document: BTreeSet<String> = documented().into_keys().collect();
    let undocumented: Vec<_> = in_report.difference(&in_document).collect();
    let unknown: Vec<_> = in_document.difference(&in_report).collect();
    assert!(
        undocumented.is_empty() && unknown.is_empty(),
        "undocumented: {undocumented:?}, unknown: {unknown:?}"
    );
}

#[test]
fn the_document_has_the_types() {
    let documented = documented();
    for (path, kinds) in found(&maximal()).unwrap() {
        let Key { kind, null_when } = &documented[&path];
        let written = if kind == "bytes" { "string" } else { kind };
        let expected =
            if null_when == "always in this version" && kinds.contains("null") { "null" } else { written };
        assert_eq!(kinds.into_iter().collect::<Vec<_>>(), [expected], "{path}");
    }
}

#[test]
fn the_document_says_what_can_be_null() {
    let documented = documented();
    let mut nulls = BTreeSet::new();
    let allocation = Allocation { user_stack: Some(vec![UserCall::default()]), ..Allocation::default() };
    let (machine, account) = (Some(empty_machine()), Some(empty_account()));
    let inner = Report { allocation, machine, account, ..without_inner_values() };
    for report in [minimal(), without_inner_values(), without_names(), inner] {
        nulls.extend(
            found(&report)
                .unwrap()
                .into_iter()
                .filter(|(_, kinds)| kinds.contains("null"))
                .map(|(path, _)| path),
        );
    }
    for (path, key) in documented {
        assert_eq!(key.null_when != "never", nulls.contains(&path), "{path}: null when {}", key.null_when);
    }
}

#[test]
fn the_document_names_every_code() {
    names("cause.code", Code::ALL.iter().map(|code| code.name()));
    names("cause.confidence", Confidence::ALL.iter().map(|confidence| confidence.name()));
    names("selection.policy", Policy::ALL.iter().map(|policy| policy.name()));
    names("selection.outcome", Outcome::ALL.iter().map(|outcome| outcome.name()));
    names("allocation.kind", AllocationKind::ALL.map(AllocationKind::name));
    names("account.of", [Whole::Machine, Whole::Cgroup].map(Whole::name));
    names("account.parts[].what", What::ALL.iter().map(|what| what.name()));
    names("account.holder.kind", HolderKind::ALL.map(HolderKind::name));
    names("account.reasons[].code", ReasonCode::ALL.iter().map(|code| code.name()));
    names("lead_up.of", [Whole::Machine, Whole::Cgroup].map(Whole::name));
    names("lead_up.shape", Shape::ALL.map(Shape::name));
    names("machine.source", [StateSource::Decision, StateSource::Procfs].map(StateSource::name));
    names("candidates[].passed_over", PassedOver::ALL.map(PassedOver::name));
    names("victims[].job.kind", JobKind::ALL.map(JobKind::name));
    names("victims[].pod.qos", Qos::ALL.map(Qos::name));
    names("victims[].container.runtime", RUNTIMES.map(|(_, name)| name));
    names("victims[].role", [Role::Chosen, Role::Group, Role::SharedMm, Role::PidNamespace].map(Role::name));
}

#[test]
fn json_and_code_spell_the_reasons_alike() {
    for reason in PassedOver::ALL {
        assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
    }
}

#[test]
fn the_document_names_every_tier_and_ending() {
    names("tier", [Tier::Fentry, Tier::Kprobe, Tier::Tracepoint].map(Tier::name));
    let closed_by = [ClosedBy::Kernel, ClosedBy::Timeout, ClosedBy::EndOfStream];
    let closed_by = closed_by.map(|by| serde_json::to_value(by).unwrap().as_str().unwrap().to_owned());
    names("status.closed_by", closed_by.each_ref().map(String::as_str));
    names("sent.method", [Method::Signal, Method::CgroupKill].map(Method::name));
    names("followed[].method", [Method::Signal, Method::CgroupKill].map(Method::name));
    names("followed[].signal", ["SIGKILL", "SIGTERM"]);
    names("sent.signal", ["SIGKILL", "SIGTERM"]);
    names("chain.link", Link::ALL.map(Link::name));
    names("requested_by.source", ["written", "input", "printed"]);
}

/// Checks that the row of a key names these values.
fn names<'a>(path: &str, values: impl IntoIterator<Item = &'a str>) {
    let cell = format!("`{path}`");
    let is_row = |line: &&str| line.split('|').nth(1).is_some_and(|first| first.contains(&cell));
    let row = DOC.lines().find(|line| is_row(line) && line.contains("| string |")).unwrap_or_default();
    for value in values {
        assert!(row.contains(&format!("`{value}`")), "{path} lacks {value}");
    }
}

#[test]
fn the_example_is_valid_json_without_unknown_keys() {
    let example = DOC.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let mut in_example = BTreeMap::new();
    paths(&serde_json::from_str(example).unwrap(), "", &mut in_example);
    let documented = documented();
    let unknown: Vec<_> = in_example.keys().filter(|path| !documented.contains_key(*path)).collect();
    assert_eq!(unknown, ["victims[].comm.bytes"], "the only unknown path: bytes that are not UTF-8 text");
}
