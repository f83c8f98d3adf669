//! The commands as typed: their messages, output and exit status.
#![cfg(test)]

use std::{
    ffi::OsStr,
    fs::{self, File},
    path::PathBuf,
    process::{Command, Output, Stdio},
};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/recordings/v1-several-fentry.oomtrace");

fn oomtrace(words: &[&OsStr]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oomtrace"));
    command.args(words).stdin(Stdio::null());
    command
}

/// Runs a command. Returns the exit status, standard output and standard error.
fn run(words: &[&str]) -> (i32, String, String) {
    let words: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
    let Output { status, stdout, stderr } = oomtrace(&words).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

struct Directory(tempfile::TempDir);

impl Directory {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        PathBuf::from(self.0.path()).join(name).to_str().unwrap().to_owned()
    }
}

#[test]
fn a_closed_standard_error_does_not_end_a_command() {
    let words = ["list", GOLDEN, "--comm", "nobody"].map(OsStr::new);
    assert_eq!(run(&words.map(|word| word.to_str().unwrap())).2, "oomtrace: none of 3 incidents matches\n");
    let status = oomtrace(&words).stdout(Stdio::null()).stderr(full()).status().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn reports_a_full_output_once() {
    for words in [
        vec!["list", GOLDEN],
        vec!["show", GOLDEN],
        vec!["replay", GOLDEN],
        vec!["show", "1", GOLDEN, "--html", "-"],
    ] {
        let words: Vec<&OsStr> = words.into_iter().map(OsStr::new).collect();
        let Output { status, stderr, .. } = oomtrace(&words).stdout(full()).output().unwrap();
        let said = String::from_utf8(stderr).unwrap();
        assert_eq!((status.code(), said.matches("No space left").count()), (Some(5), 1), "{words:?}: {said}");
        assert!(!said.contains("reading"), "{words:?}: {said}");
    }
}

#[test]
fn writes_a_page_to_standard_output_and_never_over_a_recording() {
    let directory = Directory::new();
    let recording = directory.path("oom.oomtrace");
    fs::copy(GOLDEN, &recording).unwrap();
    let (exit, page, _) = run(&["show", "1", &recording, "--html", "-"]);
    assert!(exit == 0 && page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"), "{exit}");
    let (exit, page, _) = run(&["list", &recording, "--html", "-"]);
    assert!(exit == 0 && page.contains("3 kills in 3 incidents"), "{exit}");
    // The name of the page is missing.
    let (exit, _, said) = run(&["list", GOLDEN, "--html", &recording]);
    assert!(exit == 2 && said.contains("is a recording"), "{exit} {said}");
    assert_eq!(fs::read(&recording).unwrap(), fs::read(GOLDEN).unwrap());
}

#[test]
fn rejects_a_number_together_with_the_last_one() {
    let (exit, shown, said) = run(&["show", "2", "-1", GOLDEN]);
    assert!(exit == 2 && shown.is_empty() && said.contains("either incident 2 or -1"), "{exit} {said}");
}

#[test]
fn reports_why_a_file_cannot_be_opened() {
    let directory = Directory::new();
    let absent = directory.path("absent");
    for words in [["list", &absent], ["replay", &absent], ["dump", &absent], ["dump", &directory.path("")]] {
        let (exit, _, said) = run(&words);
        assert!(exit == 6 && said.contains("cannot open it: "), "{words:?}: {exit} {said}");
    }
}

#[test]
fn reads_an_empty_file_as_a_recording_that_never_began() {
    let directory = Directory::new();
    let empty = directory.path("empty.oomtrace");
    fs::write(&empty, "").unwrap();
    for command in ["list", "replay", "dump"] {
        let (exit, printed, said) = run(&[command, &empty]);
        assert_eq!((exit, printed.as_str()), (0, ""), "{command}: {said}");
        assert!(said.contains("the recorder was stopped"), "{command}: {said}");
    }
}

/// The test works with and without the privilege to trace.
#[test]
fn a_recording_that_could_not_begin_does_not_block_the_next() {
    let directory = Directory::new();
    let file = directory.path("oom.oomtrace");
    for _ in 0..2 {
        let (exit, _, said) = run(&["record", "-o", &file, "--", "/nonexistent/command"]);
        assert!(exit != 0 && !said.contains("never overwritten"), "{exit} {said}");
        assert!(!fs::exists(&file).unwrap(), "{said}");
    }
}

/// A golden recording, and the same with the padding that a recorder cuts off when it closes a file.
#[test]
fn a_recording_of_another_boot_that_was_not_closed_is_named() {
    let directory = Directory::new();
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/recordings/v1-oom_group.oomtrace");
    let mut bytes = fs::read(golden).unwrap();
    let (closed, cut) = (directory.path("closed.oomtrace"), directory.path("cut.oomtrace"));
    fs::write(&closed, &bytes).unwrap();
    bytes.resize(bytes.len().next_multiple_of(4096) + 4096, 0);
    fs::write(&cut, &bytes).unwrap();
    let (status, listed, said) = run(&["list", &closed]);
    assert_eq!((status, said.as_str()), (0, ""));
    let (status, same, said) = run(&["list", &cut]);
    assert_eq!((status, same), (0, listed));
    assert!(
        said.contains("cut.oomtrace: the recorder did not close this recording in an earlier boot"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}
