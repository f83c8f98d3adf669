//! The count of all tests.

use std::fmt::Write as _;

use anyhow::Error;

/// The results of the tests so far.
#[derive(Default)]
pub(crate) struct Tally {
    passed: usize,
    failed: Vec<Named>,
    skipped: Vec<Named>,
}

/// A test with the reason for listing it.
struct Named {
    name: String,
    reason: String,
}

impl Tally {
    /// Adds passed tests.
    pub(crate) fn pass(&mut self, count: usize) {
        self.passed += count;
    }

    /// Adds a failed test.
    pub(crate) fn fail(&mut self, name: impl Into<String>, reason: impl Into<String>) {
        self.failed.push(Named { name: name.into(), reason: reason.into() });
    }

    /// Adds a test that cannot run here.
    pub(crate) fn skip(&mut self, name: impl Into<String>, reason: impl Into<String>) {
        self.skipped.push(Named { name: name.into(), reason: reason.into() });
    }

    /// Counts one test by its result and prints it.
    pub(crate) fn count(&mut self, name: &str, result: Result<(), Error>) {
        match result {
            Ok(()) => {
                println!("{name}: ok");
                self.pass(1);
            }
            Err(error) => {
                println!("{name}: failed: {error:#}");
                self.fail(name, format!("{error:#}"));
            }
        }
    }

    /// Whether no test failed.
    pub(crate) fn is_green(&self) -> bool {
        self.failed.is_empty()
    }

    /// Skips and failures with their reasons, then the counts as the last line.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        for (word, list) in [("skipped", &self.skipped), ("failed", &self.failed)] {
            for Named { name, reason } in list {
                let reason = reason.trim().replace('\n', "\n    ");
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{word}: {name}: {reason}");
            }
        }
        let (passed, failed, skipped) = (self.passed, self.failed.len(), self.skipped.len());
        let _ = write!(text, "{passed} passed, {failed} failed, {skipped} skipped");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn prints_the_counts_on_the_last_line() {
        let mut tally = Tally::default();
        tally.pass(3);
        tally.skip("guests", "no QEMU");
        assert!(tally.is_green());
        tally.fail("lint", "two\nlines");
        assert!(!tally.is_green());
        let text = tally.render();
        assert_eq!(text.lines().last(), Some("3 passed, 1 failed, 1 skipped"));
        assert!(
            text.contains("skipped: guests: no QEMU\n") && text.contains("failed: lint: two\n    lines\n")
        );
    }
}
