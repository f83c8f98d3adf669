//! `docs/json.md` and the JSON say the same: every key is documented, and nothing else is.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use oomtrace::{
    account::{Account, HolderKind, ReasonCode, What, Whole},
    attribute::{Attribution, Container, Job, JobKind, Pod, Qos, RUNTIMES, Runtime},
    explain::{Code, Confidence, Outcome, Policy},
    incident::{PassedOver, RequestSource, Role, StateSource},
    kernel::tier::Tier,
    report::{
        Aftermath, Allocation, Candidate, Cause, ClosedBy, Domain, EmptyPasses, Level, Machine, Memory,
        Process, Report, RequestedBy, SCHEMA, Score, Selection, Status, Swap, Sysctl, Victim,
    },
};
use serde_json::Value;

use self::shortage::{account, allocation, empty_account, empty_machine, machine};

#[path = "json_doc/shortage.rs"]
mod shortage;

const DOC: &str = include_str!("../../docs/json.md");

/// A documented key.
#[derive(Debug)]
struct Key {
    kind: String,
    null_when: String,
}

/// The keys of the document, by path: rows whose first cell is paths and nothing else.
fn documented() -> BTreeMap<String, Key> {
    let mut keys = BTreeMap::new();
    for line in DOC.lines().filter(|line| line.starts_with("| `")) {
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
const ROWS: [&str; 12] = [
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

/// Every path in a value with the types seen there.
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
    // The elements of these are objects that every row of theirs describes.
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
    let inner =
        Report { machine: Some(empty_machine()), account: Some(empty_account()), ..without_inner_values() };
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
    names("account.of", [Whole::Machine, Whole::Cgroup].map(Whole::name));
    names("account.parts[].what", What::ALL.iter().map(|what| what.name()));
    names("account.holder.kind", HolderKind::ALL.map(HolderKind::name));
    names("account.reasons[].code", ReasonCode::ALL.iter().map(|code| code.name()));
    names("machine.source", [StateSource::Decision, StateSource::Procfs].map(StateSource::name));
    names("candidates[].passed_over", PassedOver::ALL.map(PassedOver::name));
    names("victims[].job.kind", JobKind::ALL.map(JobKind::name));
    names("victims[].pod.qos", Qos::ALL.map(Qos::name));
    names("victims[].container.runtime", RUNTIMES.map(|(_, name)| name));
    names("victims[].role", [Role::Chosen, Role::Group, Role::SharedMm, Role::PidNamespace].map(Role::name));
}

#[test]
fn the_reasons_are_spelt_alike_in_json_and_in_code() {
    for reason in PassedOver::ALL {
        assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
    }
}

#[test]
fn the_document_names_every_tier_and_end() {
    names("tier", [Tier::Fentry, Tier::Kprobe, Tier::Tracepoint].map(Tier::name));
    let closed_by = [ClosedBy::Kernel, ClosedBy::Timeout, ClosedBy::EndOfStream];
    let closed_by = closed_by.map(|by| serde_json::to_value(by).unwrap().as_str().unwrap().to_owned());
    names("status.closed_by", closed_by.each_ref().map(String::as_str));
    names("requested_by.source", ["written", "input", "printed"]);
}

/// Requires that the row of a key has these values.
fn names<'a>(path: &str, values: impl IntoIterator<Item = &'a str>) {
    let cell = format!("`{path}`");
    let is_row = |line: &&str| line.split('|').nth(1).is_some_and(|first| first.contains(&cell));
    let row = DOC.lines().find(|line| is_row(line) && line.contains("| string |")).unwrap_or_default();
    for value in values {
        assert!(row.contains(&format!("`{value}`")), "{path} lacks {value}");
    }
}

#[test]
fn the_example_is_json_and_has_no_key_of_its_own() {
    let example = DOC.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let mut in_example = BTreeMap::new();
    paths(&serde_json::from_str(example).unwrap(), "", &mut in_example);
    let documented = documented();
    let unknown: Vec<_> = in_example.keys().filter(|path| !documented.contains_key(*path)).collect();
    assert_eq!(unknown, ["victims[].comm.bytes"], "the one key that is none: bytes that are no text");
}

/// A report in which everything is known that this version knows, and a victim that lacks nothing.
fn maximal() -> Report {
    Report {
        schema: SCHEMA,
        id: "1".to_owned(),
        time: Some("2026-01-02T03:04:05Z".to_owned()),
        boot_ns: 1,
        host: Some("host".to_owned()),
        kernel: Some("6.12.0".to_owned()),
        tier: Some(Tier::Fentry),
        status: Status { closed_by: Some(ClosedBy::Kernel), complete: true, lost_frames: 0 },
        cause: cause(),
        selection: Selection {
            policy: Some(Policy::Badness),
            outcome: Some(Outcome::Killed),
            margin_points: Some(1),
            runner_up_pid: Some(2),
            chosen_adj_at_most: Some(-1),
            runner_up_adj_at_least: Some(1),
        },
        allocation: allocation(),
        sysctl: Sysctl {
            oom_kill_allocating_task: Some(0),
            panic_on_oom: Some(0),
            overcommit_memory: Some(0),
        },
        domain: domain(),
        machine: Some(machine()),
        account: Some(account()),
        trigger: Some(process()),
        requested_by: Some(requested_by()),
        victims: vec![victim()],
        candidates: Some(vec![candidate()]),
        candidates_total: Some(1),
        candidates_left_out: Some(0),
        kernel_threads: Some(0),
        marks: 1,
        empty_passes: Some(EmptyPasses { count: 1, last_ns: 1 }),
    }
}

fn requested_by() -> RequestedBy {
    RequestedBy {
        source: RequestSource::Written,
        pid: Some(1),
        comm: Some("comm".into()),
        uid: Some(0),
        before_ns: 1,
    }
}

fn cause() -> Cause {
    Cause {
        code: Code::MemcgLimit,
        confidence: Confidence::Observed,
        evidence: vec!["evidence".to_owned()],
        summary: "summary".to_owned(),
    }
}

fn domain() -> Domain {
    Domain {
        kind: Some("memcg"),
        cgroup: Some("/a".into()),
        total_pages: Some(1),
        usage_bytes: Some(1),
        limit_bytes: Some(1),
        swap_usage_bytes: Some(1),
        swap_limit_bytes: Some(1),
        memsw: Some(true),
        oom_group: Some(true),
        memory_stat: Some(Rc::new([("anon".to_owned(), 1)].into())),
        chain: vec![Level {
            cgroup: Some("/a".into()),
            usage_bytes: Some(1),
            max_bytes: Some(1),
            high_bytes: Some(1),
            swap_usage_bytes: Some(1),
            swap_max_bytes: Some(1),
            oom_group: Some(true),
            hit: true,
            place: place(),
        }],
    }
}

fn process() -> Process {
    Process {
        pid: Some(1),
        tid: Some(1),
        ns_pid: Some(1),
        comm: Some("comm".into()),
        leader_comm: Some("leader".into()),
        cmdline: Some(vec!["argument".into()]),
        exe: Some("/exe".into()),
        uid: Some(0),
        start_boot_ns: Some(1),
        oom_score_adj: Some(0),
        cgroup: Some("/a".into()),
        title: Some("title".into()),
        place: place(),
    }
}

fn place() -> Attribution {
    Attribution {
        container: Some(Container {
            runtime: Some(Runtime::Docker),
            id: "id".into(),
            name: Some("name".into()),
            image: Some("image".into()),
            init_pid: Some(1),
            lives_on: Some(true),
        }),
        pod: Some(Pod {
            uid: "uid".to_owned(),
            name: Some("name".into()),
            namespace: Some("namespace".into()),
            qos: Qos::Guaranteed,
            container: Some("container".into()),
        }),
        unit: Some("unit".into()),
        slice: Some("slice".into()),
        user: Some("user".into()),
        session: Some("session".into()),
        job: Some(Job { kind: JobKind::Slurm, id: "id".into() }),
    }
}

/// A place of which nothing is known but that it is one.
fn place_without_names() -> Attribution {
    let place = place();
    let container = place.container.map(|container| Container {
        runtime: None,
        name: None,
        image: None,
        init_pid: None,
        lives_on: None,
        ..container
    });
    let pod = place.pod.map(|pod| Pod { name: None, namespace: None, container: None, ..pod });
    Attribution { container, pod, ..place }
}

fn victim() -> Victim {
    Victim {
        process: process(),
        role: Role::Chosen,
        memory: Some(Memory {
            total_vm_bytes: 1,
            anon_rss_bytes: 1,
            file_rss_bytes: 1,
            shmem_rss_bytes: 1,
            swap_bytes: 1,
            pgtables_bytes: 1,
        }),
        score: Some(Score { points: Some(1), base_pages: Some(1), adj_pages: Some(0), total_pages: Some(1) }),
        aftermath: Aftermath {
            sigkill_ns: Some(1),
            reap_start_ns: Some(1),
            reap_end_ns: Some(1),
            exit_ns: Some(1),
            reaped_bytes: Some(1),
        },
    }
}

fn candidate() -> Candidate {
    Candidate {
        pid: Some(1),
        comm: Some("comm".into()),
        uid: Some(0),
        start_boot_ns: Some(1),
        cgroup: Some("/a".into()),
        points: Some(-1),
        oom_flag_origin: false,
        rss_pages: Some(1),
        anon_pages: Some(1),
        file_pages: Some(0),
        shmem_pages: Some(0),
        swap_pages: Some(0),
        pgtables_pages: Some(1),
        oom_score_adj: Some(-3),
        adj_pages: Some(-3),
        difference_pages: Some(0),
        passed_over: Some(PassedOver::InVfork),
        chosen: true,
        place: place(),
    }
}

/// A row that has nothing but its place.
fn empty_candidate() -> Candidate {
    Candidate {
        pid: None,
        comm: None,
        uid: None,
        start_boot_ns: None,
        cgroup: None,
        points: None,
        oom_flag_origin: false,
        rss_pages: None,
        anon_pages: None,
        file_pages: None,
        shmem_pages: None,
        swap_pages: None,
        pgtables_pages: None,
        oom_score_adj: None,
        adj_pages: None,
        difference_pages: None,
        passed_over: None,
        chosen: false,
        place: Attribution::default(),
    }
}

/// A report in which nothing is known.
fn minimal() -> Report {
    Report {
        time: None,
        host: None,
        kernel: None,
        tier: None,
        status: Status { closed_by: None, complete: false, lost_frames: 0 },
        selection: Selection {
            policy: None,
            outcome: None,
            margin_points: None,
            runner_up_pid: None,
            chosen_adj_at_most: None,
            runner_up_adj_at_least: None,
        },
        allocation: Allocation::default(),
        sysctl: Sysctl::default(),
        domain: Domain::default(),
        machine: None,
        account: None,
        trigger: None,
        requested_by: None,
        victims: vec![Victim {
            process: Process::default(),
            role: Role::Chosen,
            memory: None,
            score: None,
            aftermath: Aftermath::default(),
        }],
        candidates: None,
        candidates_total: None,
        candidates_left_out: None,
        kernel_threads: None,
        empty_passes: None,
        ..maximal()
    }
}

/// A report whose parts are there and hold nothing.
fn without_inner_values() -> Report {
    let score = Score { points: None, base_pages: None, adj_pages: None, total_pages: None };
    let level = Level {
        cgroup: None,
        usage_bytes: None,
        max_bytes: None,
        high_bytes: None,
        swap_usage_bytes: None,
        swap_max_bytes: None,
        oom_group: None,
        hit: false,
        place: Attribution::default(),
    };
    let requested_by =
        RequestedBy { source: RequestSource::Printed, pid: None, comm: None, uid: None, before_ns: 1 };
    Report {
        requested_by: Some(requested_by),
        trigger: Some(Process::default()),
        victims: vec![Victim { score: Some(score), ..victim() }],
        domain: Domain { chain: vec![level], ..domain() },
        machine: Some(Machine {
            swap: Swap { devices: None, ..Swap::default() },
            huge_pages: None,
            tmpfs: None,
            slabs: None,
            ..empty_machine()
        }),
        account: Some(Account { holder: None, ..empty_account() }),
        candidates: Some(vec![empty_candidate()]),
        ..maximal()
    }
}

/// A report whose places have no names.
fn without_names() -> Report {
    let mut report = maximal();
    let processes =
        report.trigger.iter_mut().chain(report.victims.iter_mut().map(|victim| &mut victim.process));
    let places = processes.map(|process| &mut process.place);
    let levels = report.domain.chain.iter_mut().map(|level| &mut level.place);
    let candidates = report.candidates.iter_mut().flatten().map(|candidate| &mut candidate.place);
    places.chain(levels).chain(candidates).for_each(|place| *place = place_without_names());
    report
}
