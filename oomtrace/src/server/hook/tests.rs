//! Real commands: some succeed, others hang, fail, fork or write too much.

use std::{
    ffi::OsStr,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread::sleep,
    time::{Duration, Instant},
};

use super::{Hook, Program};
use crate::{
    server::{Server, Wanted, tests::machine},
    sink::{Sink as _, terminal::example},
};

/// A directory with a script in it.
struct Script(tempfile::TempDir);

impl Script {
    fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hook");
        fs::write(
            &path,
            format!("#!/bin/sh\n{}\n", text.replace("$DIR", directory.path().to_str().unwrap())),
        )
        .unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self(directory)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs the script for this many reports until all runs have ended; returns the messages.
    fn run(&self, reports: usize, limit: Duration) -> Vec<String> {
        let said = Arc::new(Mutex::new(Vec::new()));
        let theirs = Arc::clone(&said);
        let tell = Box::new(move |trouble: &crate::server::Trouble| {
            theirs.lock().unwrap().push(trouble.to_string());
        });
        let program = Program::find(self.file("hook").as_os_str()).unwrap();
        let wanted = Wanted { hook: Some(Hook { program, limit }), ..Wanted::default() };
        let (server, mut feed) = Server::start(wanted, machine(), tell).unwrap();
        for _ in 0..reports {
            feed.closed(&example::memcg_kill()).unwrap();
        }
        drop(feed);
        server.finish();
        Arc::try_unwrap(said).unwrap().into_inner().unwrap()
    }
}

const LONG: Duration = Duration::from_secs(60);

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).unwrap_or_default().lines().count()
}

fn is_alive(pid: &str) -> bool {
    // A zombie that waits for its new parent counts as dead.
    fs::read_to_string(format!("/proc/{}/stat", pid.trim()))
        .is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
}

/// The process may exit a moment after the signal was sent.
fn ends(pid: &str) {
    let start = Instant::now();
    while is_alive(pid) {
        assert!(start.elapsed() < LONG, "{pid} is alive");
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn passes_the_report_on_standard_input() {
    let script = Script::new("cat >> $DIR/reports");
    assert_eq!(script.run(1, LONG), Vec::<String>::new());
    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(script.file("reports")).unwrap()).unwrap();
    assert_eq!(report["cause"]["code"], "memcg_limit");
    assert_eq!(report["victims"][0]["pid"], 812);
}

#[test]
fn runs_once_per_report() {
    let script = Script::new("cat > /dev/null; echo x >> $DIR/runs");
    assert_eq!(script.run(20, LONG), Vec::<String>::new());
    assert_eq!(lines(&script.file("runs")), 20);
}

#[test]
fn accepts_a_command_that_reads_nothing() {
    assert_eq!(Script::new("exit 0").run(3, LONG), Vec::<String>::new());
}

#[test]
fn reports_a_failure_once_with_the_commands_own_message() {
    let said = Script::new("echo no such host >&2; exit 7").run(5, LONG);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].ends_with("exit status: 7: no such host"), "{said:?}");
    assert!(said[1].contains("4 more"), "{said:?}");
}

#[test]
fn kills_a_hanging_command_and_its_children() {
    let script = Script::new("sleep 1000 & echo $! > $DIR/child; sleep 1000");
    let said = script.run(1, Duration::from_secs(5));
    assert!(said.len() == 1 && said[0].contains("did not end within 5s"), "{said:?}");
    ends(&fs::read_to_string(script.file("child")).unwrap());
}

#[test]
fn kills_processes_that_a_command_leaves_behind() {
    let script = Script::new("sleep 1000 & echo $! > $DIR/child; exit 0");
    assert_eq!(script.run(1, LONG), Vec::<String>::new());
    ends(&fs::read_to_string(script.file("child")).unwrap());
}

#[test]
fn survives_a_command_that_floods_its_standard_error() {
    let said = Script::new("head -c 10000000 /dev/zero | tr '\\0' x >&2; exit 1").run(1, LONG);
    assert!(said.len() == 1 && said[0].len() < 1000, "{said:?}");
}

#[test]
fn command_is_not_exempt_from_the_oom_killer() {
    let script = Script::new("cat /proc/self/oom_score_adj > $DIR/score");
    let before = fs::read("/proc/self/oom_score_adj").unwrap();
    assert_eq!(script.run(1, LONG), Vec::<String>::new());
    assert_eq!(fs::read(script.file("score")).unwrap(), before);
}

#[test]
fn does_not_split_the_name_like_a_shell() {
    assert!(Program::find(OsStr::new("true; true")).is_err());
}
