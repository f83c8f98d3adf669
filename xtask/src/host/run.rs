//! Runs programs and prints what runs.

use std::{
    process::{Child, Command, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, ensure};

/// Prints what a task is doing to standard error. Standard output is for results.
pub(crate) fn say(what: &str) {
    eprintln!("==> {what}");
}

/// Runs a program and shows its output.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    ensure!(status.success(), "`{}` failed ({status})", line(command));
    Ok(())
}

/// Runs a program, shows its output and returns its exit status.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    command.status().with_context(|| format!("cannot run `{}`", line(command)))
}

/// Runs a program silently and returns its standard output. An error contains its standard error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = line(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run `{line}`"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{line}` failed ({}): {}", output.status, errors.trim());
    String::from_utf8(output.stdout).with_context(|| format!("`{line}` printed something that is not UTF-8"))
}

/// Runs a program that may hang, shows its output, and kills it at the time limit.
pub(crate) fn run_within(limit: Duration, command: &mut Command) -> Result<()> {
    let line = line(command);
    let mut child = command.spawn().with_context(|| format!("cannot run `{line}`"))?;
    let status = wait(&mut child, Instant::now() + limit)?
        .ok_or_else(|| anyhow!("`{line}` did not end within {} s", limit.as_secs()))?;
    ensure!(status.success(), "`{line}` failed ({status})");
    Ok(())
}

fn wait(child: &mut Child, deadline: Instant) -> Result<Option<ExitStatus>> {
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        sleep(Duration::from_millis(50));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// A command as typed in a shell.
fn line(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_the_command_and_its_standard_error() {
        let error = output(Command::new("sh").args(["-c", "echo no >&2; exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "`sh -c echo no >&2; exit 3` failed (exit status: 3): no");
    }

    #[test]
    fn kills_a_program_that_hangs() {
        let error = run_within(Duration::from_millis(100), Command::new("sleep").arg("60")).unwrap_err();
        assert!(error.to_string().contains("did not end"), "{error}");
        run_within(Duration::from_secs(60), &mut Command::new("true")).unwrap();
    }
}
