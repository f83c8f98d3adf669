//! `docs/list.md` matches the JSON of `oomtrace list`.

use std::collections::BTreeSet;

use oomtrace::{
    attribute::{Attribution, Container, Job, JobKind, Pod, Qos, Runtime},
    explain::{Code, Confidence},
    report::{Chosen, InChain, Name, Row},
};
use serde_json::Value;

const DOC: &str = include_str!("../../docs/list.md");

fn documented() -> BTreeSet<String> {
    let rows = DOC.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split('`').next()).map(str::to_owned).collect()
}

fn keys(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    for (name, member) in value.as_object().into_iter().flatten() {
        let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        keys(member, &below, found);
        found.insert(below);
    }
}

#[test]
fn documents_exactly_the_keys_of_the_json() {
    let name = Name { pid: None, comm: None };
    let row = Row {
        number: 1,
        id: String::new(),
        time: None,
        boot_ns: 0,
        host: None,
        cause: Code::Global,
        confidence: Confidence::Observed,
        outcome: None,
        cgroup: None,
        limit_bytes: None,
        victims: 1,
        victim: Some(Chosen { name: name.clone(), cgroup: None, resident_bytes: None, oom_score_adj: None }),
        trigger: Some(name),
        complete: true,
        chain: Some(InChain { id: String::new(), number: Some(1), position: 2, since_ns: 1 }),
        place: place(),
    };
    let mut found = BTreeSet::new();
    keys(&serde_json::to_value(row).unwrap(), "", &mut found);
    assert_eq!(documented(), found);
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
