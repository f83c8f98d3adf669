//! Data that oomtrace never reads from a process, and data that it hides in shared reports.
#![cfg(test)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/recordings/v1-several-fentry.oomtrace");

/// The source files of both sides of the tracer.
fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut left: Vec<PathBuf> =
        ["oomtrace/src", "oomtrace-ebpf/src", "oomtrace-common/src"].map(|name| root.join(name)).to_vec();
    let mut files = Vec::new();
    while let Some(path) = left.pop() {
        for entry in fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                left.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                files.push(entry);
            }
        }
    }
    files
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether a text contains this word as a whole word.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let bytes = text.as_bytes();
        let before = at.checked_sub(1).map(|at| bytes[at]);
        let after = bytes.get(at + word.len()).copied();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

#[test]
fn no_code_reads_the_environment_of_a_process() {
    let files = sources();
    assert!(files.len() > 200, "the sources were not found: {}", files.len());
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for word in ["environ", "env_start", "env_end"] {
            assert!(!has_word(&text, word), "{} names {word}", file.display());
        }
    }
    assert!(has_word("/proc/self/environ\"", "environ") && !has_word("environment", "environ"));
}

/// Runs a command. Returns the exit status and standard output.
fn run(words: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_oomtrace")).args(words).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn share_requires_a_page() {
    assert_eq!(run(&["show", "1", GOLDEN, "--share"]).0, 2, "the command writes no page");
    let (exit, page) = run(&["show", "1", GOLDEN, "--html", "-", "--share"]);
    assert!(exit == 0 && page.starts_with("<!DOCTYPE html>") && page.contains("cmdline"), "{exit}");
}

#[test]
fn share_changes_nothing_without_secrets() {
    for command in [&["show", GOLDEN, "--format", "json"][..], &["replay", GOLDEN, "--format", "json"]] {
        let plain = run(command);
        assert_eq!(run(&[command, &["--redact"]].concat()), plain);
        assert!(plain.0 == 0 && plain.1.contains("cmdline"));
    }
}
