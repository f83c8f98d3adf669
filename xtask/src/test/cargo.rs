//! Runs `cargo test` and counts its results.

use std::env;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use super::Tally;
use crate::host::workspace;

/// Runs the tests of the workspace's default members. (The other member, the eBPF crate, compiles only for a target that cannot
/// run tests.)
pub(crate) fn run(tally: &mut Tally) -> Result<()> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace::root()).args(["test", "--locked", "--no-fail-fast"]);
    let mut child = cargo.stdout(Stdio::piped()).spawn().context("starting cargo test")?;
    let output = child.stdout.take().context("cargo test has no output")?;
    let mut counted = Counted::default();
    for line in BufReader::new(output).lines() {
        let line = line.context("reading the output of cargo test")?;
        println!("{line}");
        counted.take(&line);
    }
    let status = child.wait().context("waiting for cargo test")?;
    counted.into_tally(status.success(), tally);
    Ok(())
}

/// The output of the test programs.
#[derive(Default, Debug, Eq, PartialEq)]
struct Counted {
    passed: usize,
    failed: Vec<String>,
    ignored: Vec<(String, String)>,
}

impl Counted {
    fn take(&mut self, line: &str) {
        if let Some(result) = line.strip_prefix("test result: ") {
            self.passed += number_before(result, " passed");
        } else if let Some((name, result)) =
            line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... "))
        {
            if result == "FAILED" {
                self.failed.push(name.to_owned());
            } else if let Some(reason) = result.strip_prefix("ignored") {
                let reason = reason.trim_start_matches([',', ' ']);
                let reason = if reason.is_empty() { "no reason given" } else { reason };
                self.ignored.push((name.to_owned(), reason.to_owned()));
            }
        }
    }

    fn into_tally(self, success: bool, tally: &mut Tally) {
        tally.pass(self.passed);
        if !success && self.failed.is_empty() {
            tally.fail("cargo test", "it did not build, or a test program died: see above");
        }
        for name in self.failed {
            tally.fail(name, "see the output of cargo test above");
        }
        for (name, reason) in self.ignored {
            tally.skip(name, reason);
        }
    }
}

/// The number before a word.
fn number_before(text: &str, word: &str) -> usize {
    let before = text.split_once(word).map(|(before, _)| before).unwrap_or_default();
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Counted, Tally};

    const OUTPUT: &str = "\
running 4 tests
test text::tests::every_byte ... ok
test a::fails ... FAILED
test b::waits ... ignored, needs a printer
test c::waits ... ignored

test result: FAILED. 11 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

    fn counted() -> Counted {
        let mut counted = Counted::default();
        OUTPUT.lines().for_each(|line| counted.take(line));
        counted
    }

    #[test]
    fn adds_up_results() {
        let counted = counted();
        assert_eq!((counted.passed, counted.failed.as_slice()), (15, &["a::fails".to_owned()][..]));
        let reasons: Vec<&str> = counted.ignored.iter().map(|(_, reason)| reason.as_str()).collect();
        assert_eq!(reasons, ["needs a printer", "no reason given"]);
    }

    #[test]
    fn counts_a_failure_without_a_failed_test() {
        let mut tally = Tally::default();
        Counted::default().into_tally(false, &mut tally);
        assert!(!tally.is_green());
    }
}
