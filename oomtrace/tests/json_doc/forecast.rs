//! A forecast, which is no incident.

use std::collections::{BTreeMap, BTreeSet};

use oomtrace::{
    context::{self, ProcessHistory, Session},
    forecast::Announcement,
};
use serde_json::{Value, json};

use super::{FORECASTS, WHOLE, keys_of, paths};

const SECOND: u64 = 1_000_000_000;

fn told() -> context::Forecast {
    let grower = ProcessHistory {
        pid: 7,
        comm: Some("java".into()),
        at_ns: vec![SECOND, 4 * SECOND],
        resident_bytes: vec![1, 2],
        ..ProcessHistory::default()
    };
    context::Forecast {
        horizon_ns: SECOND,
        memcg: Some(5),
        path: Some("/a".into()),
        limit_bytes: Some(64 << 20),
        capacity_bytes: 64 << 20,
        at_ns: vec![SECOND, 2 * SECOND, 3 * SECOND, 4 * SECOND],
        held_bytes: vec![10 << 20, 20 << 20, 30 << 20, 40 << 20],
        processes: vec![grower],
    }
}

fn session() -> serde_json::Result<Session> {
    let least = json!({
        "tool_version": "", "kernel_release": "", "host": "h", "wall_offset_ns": 0, "page_size": 4096, "tier": "fentry",
        "facts": { "constraint": { "none": 0, "cpuset": 1, "memory_policy": 2, "memcg": 3 },
                   "gfp_naming": "macros", "gfp_bits": [] },
    });
    serde_json::from_value(least)
}

type Found = (Value, BTreeMap<String, BTreeSet<&'static str>>);

fn found(announcement: &Announcement) -> serde_json::Result<Found> {
    let value = serde_json::to_value(announcement)?;
    let mut found = BTreeMap::new();
    paths(&value, "", &mut found);
    // Rows of lists are described by their keys.
    found.retain(|path, _| !path.ends_with("[]"));
    Ok((value, found))
}

#[test]
fn the_document_has_exactly_the_keys_and_types_of_a_forecast() {
    let (value, found) = found(&Announcement::new(&told(), Some(&session().unwrap())).unwrap()).unwrap();
    assert_eq!((&value["kind"], &value["left_ns"]), (&json!("forecast"), &json!(24 * SECOND / 10)));
    let documented = keys_of(WHOLE.split(FORECASTS).nth(1).unwrap());
    let keys = |keys: Vec<&String>| keys.into_iter().cloned().collect::<BTreeSet<String>>();
    assert_eq!(keys(found.keys().collect()), keys(documented.keys().collect()));
    for (path, kinds) in found {
        let kind = documented[&path].kind.replace("bytes", "string");
        assert_eq!(kinds.into_iter().collect::<Vec<_>>(), [kind], "{path}");
    }
}

#[test]
fn the_document_says_what_can_be_null_in_a_forecast() {
    let mut least = told();
    (least.memcg, least.path) = (None, None);
    least.processes[0].comm = None;
    let (_, found) = found(&Announcement::new(&least, None).unwrap()).unwrap();
    let documented = keys_of(WHOLE.split(FORECASTS).nth(1).unwrap());
    for (path, kinds) in found {
        let can_be_null = !documented[&path].null_when.starts_with("never");
        assert_eq!(kinds.contains("null"), can_be_null, "{path}");
    }
}
