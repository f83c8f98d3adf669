//! The supervisor of an experiment that was killed before the supervisor reported its start.
#![cfg(test)]

use std::{
    fs,
    os::{
        fd::OwnedFd,
        unix::{fs::PermissionsExt as _, net::UnixStream},
    },
    path::PathBuf,
    process::{Command, Stdio},
};

#[test]
fn restores_after_an_experiment_that_was_killed_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("experiment.json");
    // The knob already has the value, so restoring it needs no privilege.
    let knob = "/proc/sys/vm/swappiness";
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let told = serde_json::json!({
        "boot_id": boot_id.trim(),
        "file": "a.toml",
        "scratch": memory_hierarchy().join("oomtrace-experiment-0"),
        "switched_on": null,
        "knobs": [{ "path": knob, "value": fs::read_to_string(knob).unwrap() }],
    });
    fs::write(&journal, told.to_string()).unwrap();
    fs::set_permissions(&journal, fs::Permissions::from_mode(0o600)).unwrap();
    let (ours, theirs) = UnixStream::pair().unwrap();
    drop(ours);
    let mut supervisor = Command::new(env!("CARGO_BIN_EXE_oomtrace"));
    supervisor.arg("experiment-supervisor").arg(directory.path());
    let status = supervisor.stdin(Stdio::from(OwnedFd::from(theirs))).status().unwrap();
    assert!(status.success(), "{status}");
    assert!(!journal.exists(), "no value is left to restore");
}

/// The directory where the memory controller is mounted.
fn memory_hierarchy() -> PathBuf {
    oomtrace::source::cgroup::cgroupfs::MemoryHierarchy::find().unwrap().mount().to_owned()
}
