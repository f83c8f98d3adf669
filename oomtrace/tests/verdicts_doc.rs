//! `docs/verdicts.md` has a row for each code, and rows for nothing else.

use std::collections::BTreeSet;

use oomtrace::explain::{Code, Outcome, Policy};

const DOC: &str = include_str!("../../docs/verdicts.md");

/// The codes in the first cells of a section's first table.
fn rows(section: &str) -> BTreeSet<&'static str> {
    let body = DOC.split("\n## ").find(|part| part.starts_with(section)).unwrap_or_default();
    let table = body.split("\n\n").find(|part| part.starts_with("| code |")).unwrap_or_default();
    table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}

#[test]
fn each_code_has_its_row() {
    assert_eq!(rows("Causes"), Code::ALL.iter().map(|code| code.name()).collect());
    assert_eq!(rows("Policies"), Policy::ALL.iter().map(|policy| policy.name()).collect());
    assert_eq!(rows("Outcomes"), Outcome::ALL.iter().map(|outcome| outcome.name()).collect());
}
