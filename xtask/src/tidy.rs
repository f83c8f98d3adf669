//! House rules that no linter checks.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::host::run::output;

/// The maximum lines of a Rust file. A longer one must be split.
const MAX_LINES: usize = 500;

/// Words for postponed work, each in two pieces, so that this file does not break its own rule.
const PUT_OFF: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Checks every file that is committed or would be.
///
/// # Errors
/// One line for each violation, with its place.
pub(crate) fn check(root: &Path) -> Result<()> {
    let list = ["ls-files", "--cached", "--others", "--exclude-standard"];
    let names = output(Command::new("git").current_dir(root).args(list))?;
    let mut breaches = Vec::new();
    for name in names.lines() {
        // A binary file, or one that is deleted but not committed, has no lines to check.
        let Ok(text) = fs::read_to_string(root.join(name)) else {
            continue;
        };
        breaches.extend(judge(name, &text));
    }
    if !breaches.is_empty() {
        bail!("house rules broken:\n{}", breaches.join("\n"));
    }
    (names.lines().count() > 0).then_some(()).context("git lists no files")
}

fn judge(name: &str, text: &str) -> Vec<String> {
    let mut breaches = put_off(name, text);
    let lines = text.lines().count();
    if name.ends_with(".rs") && lines > MAX_LINES {
        breaches.push(format!("{name}: {lines} lines, more than {MAX_LINES}"));
    }
    if name.contains("/src/") && name.ends_with(".rs") && !name.contains("tests") && !text.starts_with("//!")
    {
        breaches.push(format!("{name}: does not begin with `//!` and what the module is for"));
    }
    if name.ends_with("Cargo.toml") && text.contains("[package]") && !inherits_lints(text) {
        breaches.push(format!("{name}: lacks `[lints] workspace = true`"));
    }
    breaches
}

fn put_off(name: &str, text: &str) -> Vec<String> {
    let is_put_off =
        |line: &str| line.split(|c: char| !c.is_alphanumeric()).any(|word| PUT_OFF.contains(&word));
    let lines = text.lines().zip(1..).filter(|(line, _)| is_put_off(line));
    lines.map(|(line, number)| format!("{name}:{number}: put off: {}", line.trim())).collect()
}

fn inherits_lints(manifest: &str) -> bool {
    let after = manifest.split("[lints]\n").nth(1).unwrap_or_default();
    after.lines().take_while(|line| !line.starts_with('[')).any(|line| line == "workspace = true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_reports_the_place() {
        let put_off = format!("fn a() {{}}\n// {}: later\n", PUT_OFF[0]);
        assert_eq!(judge("a.rs", &put_off), [format!("a.rs:2: put off: // {}: later", PUT_OFF[0])]);
        assert_eq!(judge("a.rs", &"\n".repeat(501)), ["a.rs: 501 lines, more than 500"]);
        let headless = "a/src/b.rs: does not begin with `//!` and what the module is for";
        assert_eq!(judge("a/src/b.rs", "mod c;\n"), [headless]);
        let manifest = "[package]\nname = \"a\"\n[lints]\n[dependencies]\nb.workspace = true\n";
        assert_eq!(judge("a/Cargo.toml", manifest), ["a/Cargo.toml: lacks `[lints] workspace = true`"]);
    }

    #[test]
    fn accepts_correct_files() {
        assert!(judge("a.rs", &"\n".repeat(500)).is_empty());
        assert!(judge("a/src/b.rs", "//! B.\n").is_empty());
        assert!(judge("a/src/tests.rs", "mod c;\n").is_empty());
        assert!(judge("a.sh", &format!("mktemp /tmp/a.{}\n", "X".repeat(6))).is_empty());
        assert!(judge("Cargo.toml", "[package]\n[lints]\nworkspace = true\n").is_empty());
        assert!(judge("Cargo.toml", "[workspace]\n").is_empty());
    }
}
