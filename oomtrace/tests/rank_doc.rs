//! `docs/rank.md` matches the JSON of `oomtrace rank`.

use std::collections::BTreeSet;

use oomtrace::{
    forecast::Forecast,
    incident::{Counters, Task},
    rank::{Census, Domain, Found, Kind, Look, Ranking, rank},
};
use serde_json::Value;

const DOC: &str = include_str!("../../docs/rank.md");

fn documented() -> BTreeSet<String> {
    let rows = DOC.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split('`').next()).map(str::to_owned).collect()
}

fn keys(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                keys(member, &below, found);
                found.insert(below);
            }
        }
        Value::Array(elements) => {
            elements.iter().for_each(|element| keys(element, &format!("{path}[]"), found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// One candidate, one that is protected, a group and a forecast.
fn ranking() -> Ranking {
    let memory = Counters {
        total_vm_pages: 9,
        file_pages: 1,
        anon_pages: 1,
        shmem_pages: 1,
        swap_pages: 1,
        pgtables_bytes: 4096,
    };
    let found = |pid, adj| Found {
        task: Task { pid: Some(pid), oom_score_adj: Some(adj), memory: Some(memory), ..Task::default() },
        cgroup: Some("/a".into()),
    };
    let census = Census {
        found: vec![found(7, 0), found(8, -1000)],
        kernel_threads: 1,
        page_size: 4096,
        ..Census::default()
    };
    let domain = Domain {
        kind: Kind::Memcg,
        cgroup: Some("/a".into()),
        asked: None,
        limit_bytes: Some(1),
        usage_bytes: Some(1),
        total_pages: 1000,
        oom_groups: vec!["/a".into()],
    };
    let stat = [("shmem".to_owned(), 4096_u64)].into();
    let look = Look { stat: Some(stat), ..Look::default() };
    let forecast = Forecast { left_ns: 1, bytes_per_second: 1, over_ns: 1, held_bytes: 1, capacity_bytes: 1 };
    let ranking = rank(&census, domain, Vec::new()).with_memory(&census, look);
    Ranking { forecast: Some(forecast), ..ranking }
}

#[test]
fn documents_exactly_the_keys_of_the_json() {
    let mut found = BTreeSet::new();
    keys(&serde_json::to_value(ranking()).unwrap(), "", &mut found);
    assert_eq!(documented(), found);
}
