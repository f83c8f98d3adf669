//! The supervisor of an experiment that was killed before it could hear that it has one.
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
fn an_experiment_killed_meanwhile_is_put_back_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("experiment.json");
    // A value that is set already needs no privilege to be put back.
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
    supervisor.arg("experiment-supervisor").arg(folder.path());
    let status = supervisor.stdin(Stdio::from(OwnedFd::from(theirs))).status().unwrap();
    assert!(status.success(), "{status}");
    assert!(!journal.exists(), "nothing is left to be put back");
}

/// Where the memory controller is mounted here.
fn memory_hierarchy() -> PathBuf {
    oomtrace::source::cgroupfs::MemoryHierarchy::find().unwrap().mount().to_owned()
}
