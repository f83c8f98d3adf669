//! `record -- CMD`: it passes the command's exit status on and ends the command with the recording.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::Local;

/// The exit status of a shell after SIGTERM ended its command.
const TERMINATED: i32 = 128 + 15;

/// A user whose processes can be killed only with CAP_KILL.
const NOBODY: &str = "65534";

/// Checks the exit status of a command, or the shell's status if the command does not exist.
pub(super) fn passes_on(local: &Local) -> Result<()> {
    let cases: [(&[&str], i32); 4] = [
        (&["sh", "-c", "exit 3"], 3),
        (&["sh", "-c", "kill -TERM $$"], TERMINATED),
        (&["/nonexistent/command"], 127),
        (&["/dev/null"], 126),
    ];
    for (command, status) in cases {
        let ended = start(local, command)?.wait().context("waiting for oomtrace")?;
        ensure!(ended.code() == Some(status), "{command:?} exited with {ended}, not {status}");
    }
    Ok(())
}

/// Checks that a stopped recorder stops its command, even if the command changed its user.
pub(super) fn ends_with_it(local: &Local) -> Result<()> {
    let hog = local.program("hog").display().to_string();
    let mut recorder = start(local, &[&hog, "--uid", NOBODY, "--hold", "anon", "--mib", "1"])?;
    let mut said = String::new();
    let mut stdout = BufReader::new(recorder.stdout.take().context("no stdout")?);
    while said != "holding\n" {
        said.clear();
        ensure!(stdout.read_line(&mut said).context("reading")? > 0, "the command did not run");
    }
    let stopped = Command::new("kill").args(["-TERM", &recorder.id().to_string()]).status();
    ensure!(stopped.context("sending a signal")?.success(), "no signal was sent");
    let ended = recorder.wait().context("waiting for oomtrace")?;
    ensure!(ended.code() == Some(TERMINATED), "exited with {ended}, not {TERMINATED}");
    Ok(())
}

/// Starts a recorder with a command. Its recording is discarded.
fn start(local: &Local, command: &[&str]) -> Result<Child> {
    let file = local.program("recorded.oomtrace");
    match fs::remove_file(&file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("removing {}", file.display()));
        }
        Ok(()) | Err(_) => {}
    }
    let mut recorder = Command::new(local.program("oomtrace"));
    recorder.args(["record", "-o"]).arg(&file).arg("--").args(command);
    recorder.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    recorder.spawn().context("starting oomtrace")
}
