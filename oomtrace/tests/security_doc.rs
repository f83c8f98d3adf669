//! Every test that SECURITY.md names exists.
#![cfg(test)]

use std::{
    fs,
    path::{Path, PathBuf},
};

const DOC: &str = include_str!("../../SECURITY.md");

/// The names in the last column of a table row.
fn named(row: &str) -> Vec<&str> {
    let tests = row.trim_end().trim_end_matches('|').rsplit('|').next().unwrap_or_default();
    tests.split('`').skip(1).step_by(2).collect()
}

/// The text of all source files of the workspace.
fn sources() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut left: Vec<PathBuf> = ["oomtrace", "xtask", "tests"].map(|name| root.join(name)).to_vec();
    let mut text = String::new();
    while let Some(path) = left.pop() {
        for entry in fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() && !entry.ends_with("target") {
                left.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                text.push_str(&fs::read_to_string(&entry).unwrap());
            }
        }
    }
    text
}

/// Whether a test function or a check of `cargo xtask test` has this name.
fn exists(name: &str, sources: &str) -> bool {
    let function = format!("#[test]\nfn {name}()");
    let indented = format!("#[test]\n    fn {name}()");
    [function, indented].iter().any(|test| sources.contains(test))
        || sources.contains(&format!("tally.count(\"{name}\","))
}

#[test]
fn every_line_of_the_threat_model_has_a_test() {
    let sources = sources();
    let (_, model) = DOC.split_once("## Threat model").unwrap();
    let rows: Vec<&str> = model.lines().filter(|line| line.starts_with("| ")).skip(2).collect();
    assert!(rows.len() >= 15, "the table was not found");
    for row in rows {
        let tests = named(row);
        assert!(!tests.is_empty(), "no test: {row}");
        for test in tests {
            assert!(exists(test, &sources), "no test `{test}`: {row}");
        }
    }
}
