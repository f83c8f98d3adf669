//! `docs/tutorial.md`: runs every command of the page and checks that the output has the lines shown there.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use super::Local;
use crate::host::workspace;

/// The page, from the workspace's directory.
const PAGE: &str = "docs/tutorial.md";

/// Matches any text in a shown line. Alone on a line, it matches any lines.
const ANYTHING: &str = "…";

/// A command and the lines that the page shows below it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Step {
    command: String,
    shown: Vec<String>,
}

/// Runs the tutorial in a scratch directory, as root and without `sudo`.
pub(super) fn works(local: &Local) -> Result<()> {
    let root = workspace::root();
    let page = fs::read_to_string(root.join(PAGE)).with_context(|| format!("reading {PAGE}"))?;
    let scratch = TempDir::new().context("making a directory for the tutorial")?;
    symlink(root.join("tests"), scratch.path().join("tests")).context("linking the recordings")?;
    fs::write(scratch.path().join("adj.toml"), block(&page, "toml")?).context("writing adj.toml")?;
    let steps = steps(&page);
    ensure!(steps.len() >= 10, "{PAGE} has only {} commands", steps.len());
    for step in steps {
        let output = output(local, scratch.path(), &step.command)?;
        let missing = missing(&step.shown, &output);
        ensure!(
            missing.is_none(),
            "`{}` does not print `{}`:\n{output}",
            step.command,
            missing.unwrap_or("")
        );
    }
    Ok(())
}

/// Runs a command, which must succeed, and returns both of its outputs.
fn output(local: &Local, scratch: &Path, command: &str) -> Result<String> {
    let mut path = OsString::from(local.folder.path());
    path.push(":");
    path.push(env::var_os("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{command} 2>&1")]).env("PATH", path).current_dir(scratch);
    let ran = shell.output().with_context(|| format!("running `{command}`"))?;
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    ensure!(ran.status.success(), "`{command}` exited with {}:\n{text}", ran.status);
    Ok(text)
}

/// The code blocks of a language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let begin = format!("\n```{language}\n");
    page.split(begin.as_str()).skip(1).filter_map(|rest| rest.split("\n```").next()).collect()
}

fn block<'a>(page: &'a str, language: &str) -> Result<&'a str> {
    blocks(page, language).first().copied().with_context(|| format!("{PAGE} has no {language} block"))
}

/// The commands of the console blocks.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in blocks(page, "console").into_iter().flat_map(str::lines) {
        if let Some(command) = line.strip_prefix("$ ") {
            let command = command.strip_prefix("sudo ").unwrap_or(command).to_owned();
            steps.push(Step { command, shown: Vec::new() });
        } else if let Some(step) = steps.last_mut() {
            step.shown.push(line.to_owned());
        }
    }
    steps
}

/// The first shown line that the output lacks. The shown lines must be in order; other lines may be between them.
fn missing<'a>(shown: &'a [String], output: &str) -> Option<&'a str> {
    let mut lines = output.lines();
    shown.iter().map(String::as_str).find(|shown| *shown != ANYTHING && !lines.any(|line| fits(shown, line)))
}

/// Whether a line has all parts of a shown line in order, from its beginning to its end.
fn fits(shown: &str, line: &str) -> bool {
    let mut parts = shown.split(ANYTHING);
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::{fits, missing, steps};

    const PAGE: &str = "text\n\n```console\n$ sudo a b\none … two\n…\n$ c\n```\n\n```sh\n$ d\n```\n";

    #[test]
    fn reads_commands_and_shown_lines() {
        let steps = steps(PAGE);
        assert_eq!(steps.len(), 2, "{steps:?}");
        assert_eq!(steps[0].command, "a b");
        assert_eq!(steps[0].shown, ["one … two", "…"]);
        assert_eq!(steps[1].command, "c");
    }

    #[test]
    fn compares_lines_with_gaps() {
        assert!(fits("one … two", "one and two") && fits("… two", "one two") && fits("one …", "one two"));
        assert!(fits("one", "one") && !fits("one", "one two") && !fits("one … two", "one and three"));
        assert!(!fits("a … b … c", "a c b"), "the parts come in their order");
    }

    #[test]
    fn names_the_missing_line() {
        let shown = ["a".to_owned(), "…".to_owned(), "c".to_owned()];
        assert_eq!(missing(&shown, "a\nb\nc\n"), None);
        assert_eq!(missing(&shown, "c\na\n"), Some("c"));
    }
}
