//! `docs/verdicts.md` has exactly one row for each code. Each row cites the kernel's source, and each cause has an example.

use std::collections::BTreeSet;

use oomtrace::explain::{Code, Outcome, Policy};

const DOC: &str = include_str!("../../docs/verdicts.md");

/// The beginning of a link to the kernel's source.
const KERNEL: &str = "https://github.com/torvalds/linux/blob/v";

fn section(name: &str) -> &'static str {
    DOC.split("\n## ").find(|part| part.starts_with(name)).unwrap_or_default()
}

/// The rows of the first table in a section.
fn rows(name: &str) -> impl Iterator<Item = &'static str> {
    let table = section(name).split("\n\n").find(|part| part.starts_with("| code |")).unwrap_or_default();
    table.lines().filter(|line| line.starts_with("| `"))
}

/// The codes in the first cells of a section's table.
fn codes(name: &str) -> BTreeSet<&'static str> {
    rows(name).filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}

#[test]
fn each_code_has_its_row() {
    assert_eq!(codes("Causes"), Code::ALL.iter().map(|code| code.name()).collect());
    assert_eq!(codes("Policies"), Policy::ALL.iter().map(|policy| policy.name()).collect());
    assert_eq!(codes("Outcomes"), Outcome::ALL.iter().map(|outcome| outcome.name()).collect());
}

#[test]
fn each_policy_and_outcome_cites_the_kernels_source() {
    for row in rows("Policies").chain(rows("Outcomes")) {
        assert!(row.contains(KERNEL), "{row}");
    }
}

#[test]
fn each_cause_has_its_source_and_an_example_with_evidence() {
    let parts: Vec<&str> = section("Causes").split("\n### ").skip(1).collect();
    let names: Vec<&str> = parts.iter().filter_map(|part| part.lines().next()).collect();
    assert_eq!(names, Code::ALL.iter().map(|code| code.name()).collect::<Vec<_>>());
    for part in parts {
        assert!(part.contains(KERNEL), "{part}");
        let example =
            part.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap_or_default();
        let mut lines = example.lines();
        assert!(lines.next().is_some_and(|summary| !summary.starts_with(' ')), "{part}");
        let evidence: Vec<&str> = lines.collect();
        assert!(!evidence.is_empty() && evidence.iter().all(|line| line.starts_with("  - ")), "{part}");
    }
}
