//! `docs/diff.md` matches the JSON of `oomtrace diff`.

use std::collections::BTreeSet;

use oomtrace::diff::{Count, Spread, Tally, compare};
use serde_json::Value;

const DOC: &str = include_str!("../../docs/diff.md");

fn documented() -> BTreeSet<String> {
    let rows = DOC.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split('`').next()).map(str::to_owned).collect()
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

#[test]
fn documents_exactly_the_keys_of_the_json() {
    let diff = serde_json::to_value(compare(Tally::default(), Tally::default())).unwrap();
    let mut found = keys(&diff);
    let spread = serde_json::to_value(Spread::of(vec![1])).unwrap();
    found.extend(keys(&spread).iter().map(|name| format!("recovery.*.{name}")));
    let count = serde_json::to_value(Count { name: None, a: 0, b: 0 }).unwrap();
    found.extend(keys(&count).iter().map(|name| format!("*[].{name}")));
    assert_eq!(documented(), found);
    for (name, value) in diff.as_object().unwrap().iter().filter(|(_, value)| value.is_object()) {
        assert_eq!(keys(value), ["a", "b"].map(str::to_owned).into(), "{name}");
    }
}
