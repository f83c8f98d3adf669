//! Every command that only reads recordings drops its privileges before it opens one.
#![cfg(test)]

use std::{
    fs, io,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use rustix::fs::{CWD, FileType, Mode, mknodat};

/// The commands. Their recording is a pipe without a writer, so each command blocks in its first `open`.
const COMMANDS: [&[&str]; 6] = [
    &["list", "PIPE"],
    &["show", "PIPE"],
    &["replay", "PIPE"],
    &["diff", "PIPE", "PIPE"],
    &["whatif", "PIPE", "--adj", "1=0"],
    &["dump", "PIPE"],
];

/// Waits until the command blocks in `openat` or exits.
fn is_waiting(child: &mut Child) -> io::Result<bool> {
    while child.try_wait()?.is_none() {
        let state = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
        let sleeps = state.rsplit(") ").next().is_some_and(|rest| rest.starts_with('S'));
        if sleeps && opens_the_pipe(child.id()) {
            return Ok(true);
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(false)
}

/// Whether the task is inside `openat`, read from the system call in procfs.
fn opens_the_pipe(pid: u32) -> bool {
    let call = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
    call.split(' ').next().is_some_and(|number| number == libc::SYS_openat.to_string())
}

fn run(arguments: &[&str], pipe: &Path) -> io::Result<Child> {
    let arguments =
        arguments.iter().map(|word| if *word == "PIPE" { pipe.as_os_str() } else { word.as_ref() });
    let mut command = Command::new(env!("CARGO_BIN_EXE_oomtrace"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()
}

#[test]
fn reading_commands_are_confined_before_they_open_a_recording() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    for arguments in COMMANDS {
        let mut child = run(arguments, &pipe).unwrap();
        let waits = is_waiting(&mut child).unwrap();
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let _ = child.kill();
        let output = child.wait_with_output().unwrap();
        assert!(waits, "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        // Landlock requires this flag, and these commands set it for no other reason.
        assert!(status.contains("NoNewPrivs:\t1"), "{arguments:?}: {status}");
    }
}
