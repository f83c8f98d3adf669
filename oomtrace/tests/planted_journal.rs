//! `experiment --restore` with a journal that another user could have written: it does nothing and reports why.
#![cfg(test)]

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use oomtrace::source::cgroup::cgroupfs::MemoryHierarchy;
use tempfile::TempDir;

/// A state directory with a journal, and a file that the planted journal tries to write.
struct Planted {
    directory: TempDir,
}

impl Planted {
    /// Creates a journal that names this boot, this scratch cgroup and these knobs.
    fn new(scratch: &Path, knobs: &[(&Path, &str)]) -> Self {
        let planted = Self { directory: tempfile::tempdir().unwrap() };
        fs::create_dir(planted.state()).unwrap();
        fs::set_permissions(planted.state(), fs::Permissions::from_mode(0o700)).unwrap();
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let knobs: Vec<_> =
            knobs.iter().map(|(path, value)| serde_json::json!({ "path": path, "value": value })).collect();
        let journal = serde_json::json!({
            "boot_id": boot_id.trim(),
            "file": "a.toml",
            "scratch": scratch,
            "switched_on": null,
            "knobs": knobs,
        });
        fs::write(planted.journal(), journal.to_string()).unwrap();
        fs::set_permissions(planted.journal(), fs::Permissions::from_mode(0o600)).unwrap();
        planted
    }

    fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    fn journal(&self) -> PathBuf {
        self.state().join("experiment.json")
    }

    fn restore(&self) -> Output {
        restore(&self.state())
    }
}

fn restore(state: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oomtrace"));
    command.args(["experiment", "--restore", "--state"]).arg(state).stdin(Stdio::null());
    command.output().unwrap()
}

/// Checks that the command refuses with these words and keeps the journal for inspection.
fn assert_refused(output: &Output, journal: &Path, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    for word in ["refusing"].iter().chain(words) {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
    assert!(journal.exists(), "the journal is gone: {said}");
}

/// A path as an experiment names its cgroup. The cgroup does not exist.
fn no_scratch() -> PathBuf {
    MemoryHierarchy::find().unwrap().mount().join("oomtrace-experiment-0")
}

#[test]
fn planted_journal_writes_only_knobs() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("passwd");
    fs::write(&file, "root:x:0:0\n").unwrap();
    let planted = Planted::new(&no_scratch(), &[(&file, "root::0:0\n")]);
    let output = planted.restore();
    assert_eq!(fs::read_to_string(&file).unwrap(), "root:x:0:0\n");
    assert_refused(&output, &planted.journal(), &["knob", "passwd"]);
}

#[test]
fn planted_journal_sets_only_kernel_settings_of_the_table() {
    // The values equal the current ones, so a missing refusal would not change the machine.
    for path in ["/proc/sys/kernel/core_pattern", "/proc/sys/vm/../kernel/core_pattern"] {
        let value = fs::read_to_string(path).unwrap();
        let planted = Planted::new(&no_scratch(), &[(Path::new(path), &value)]);
        assert_refused(&planted.restore(), &planted.journal(), &["knob", path]);
    }
}

#[test]
fn planted_journal_removes_only_an_experiments_cgroup() {
    let directory = tempfile::tempdir().unwrap();
    let victim = directory.path().join("oomtrace-experiment-1");
    fs::create_dir(&victim).unwrap();
    fs::write(victim.join("cgroup.kill"), "").unwrap();
    let planted = Planted::new(&victim, &[]);
    let output = planted.restore();
    assert_eq!(fs::read(victim.join("cgroup.kill")).unwrap(), b"", "cgroup.kill was written");
    assert_refused(&output, &planted.journal(), &["oomtrace-experiment-1"]);
    let planted = Planted::new(Path::new("/sys/fs/cgroup/not-there.slice"), &[]);
    assert_refused(&planted.restore(), &planted.journal(), &["not-there.slice"]);
}

#[test]
fn rejects_a_state_directory_that_others_can_write() {
    let planted = Planted::new(&no_scratch(), &[]);
    fs::set_permissions(planted.state(), fs::Permissions::from_mode(0o777)).unwrap();
    assert_refused(&planted.restore(), &planted.journal(), &["other users can write", "0777", "--state"]);
}

#[test]
fn rejects_a_state_directory_behind_a_symbolic_link() {
    let planted = Planted::new(&no_scratch(), &[]);
    let link = planted.directory.path().join("link");
    symlink(planted.state(), &link).unwrap();
    assert_refused(&restore(&link), &planted.journal(), &["symbolic link", "link"]);
}

#[test]
fn rejects_a_journal_that_others_could_have_written() {
    let planted = Planted::new(&no_scratch(), &[]);
    fs::set_permissions(planted.journal(), fs::Permissions::from_mode(0o666)).unwrap();
    assert_refused(&planted.restore(), &planted.journal(), &["experiment.json", "other users can write"]);

    let planted = Planted::new(&no_scratch(), &[]);
    fs::hard_link(planted.journal(), planted.directory.path().join("another")).unwrap();
    assert_refused(&planted.restore(), &planted.journal(), &["experiment.json", "second name"]);

    let planted = Planted::new(&no_scratch(), &[]);
    fs::rename(planted.journal(), planted.directory.path().join("elsewhere")).unwrap();
    symlink(planted.directory.path().join("elsewhere"), planted.journal()).unwrap();
    assert_refused(&planted.restore(), &planted.journal(), &["experiment.json", "symbolic link"]);
}

#[test]
fn rejects_a_journal_that_is_not_a_regular_file() {
    let planted = Planted::new(&no_scratch(), &[]);
    fs::remove_file(planted.journal()).unwrap();
    let made = Command::new("mkfifo").arg(planted.journal()).status().unwrap();
    assert!(made.success());
    assert_refused(&planted.restore(), &planted.journal(), &["experiment.json", "regular file"]);
}

#[test]
fn discards_the_journal_of_an_earlier_boot() {
    let planted = Planted::new(&no_scratch(), &[(Path::new("/etc/passwd"), "")]);
    let journal = fs::read_to_string(planted.journal()).unwrap();
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    fs::write(planted.journal(), journal.replace(boot_id.trim(), "another")).unwrap();
    let output = planted.restore();
    assert!(output.status.success(), "{}", output.stderr.escape_ascii());
    assert!(!planted.journal().exists());
}
