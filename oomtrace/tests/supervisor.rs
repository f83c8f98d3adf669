//! The supervisor of an experiment that was killed before it could hear that it has one.

use std::{
    fs,
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{Command, Stdio},
};

#[test]
fn an_experiment_killed_meanwhile_is_put_back_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (knob, journal) = (folder.path().join("knob"), folder.path().join("experiment.json"));
    fs::write(&knob, "10\n").unwrap();
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let told = serde_json::json!({
        "boot_id": boot_id.trim(),
        "file": "a.toml",
        "scratch": folder.path().join("gone"),
        "switched_on": null,
        "knobs": [{ "path": knob, "value": "60" }],
    });
    fs::write(&journal, told.to_string()).unwrap();
    let (ours, theirs) = UnixStream::pair().unwrap();
    drop(ours);
    let mut supervisor = Command::new(env!("CARGO_BIN_EXE_oomtrace"));
    supervisor.arg("experiment-supervisor").arg(folder.path());
    let status = supervisor.stdin(Stdio::from(OwnedFd::from(theirs))).status().unwrap();
    assert!(status.success(), "{status}");
    assert_eq!(fs::read_to_string(&knob).unwrap(), "60");
    assert!(!journal.exists(), "nothing is left to be put back");
}
