//! The end of the console of a lost guest.

use super::qemu::Ran;

/// The number of lines shown.
const LINES: usize = 25;
/// Parts of a line with which the kernel begins to report a crash.
const BEGINNINGS: [&str; 4] = ["Kernel panic", "Oops", "BUG: ", "guest: not done"];

/// How the guest ended, and the end of its console.
pub(in crate::vm) fn end(ran: &Ran) -> String {
    let how = if ran.timed_out { "it hung" } else { "it went down" };
    let said = [excerpt(&ran.console).as_str(), ran.complaint.trim_end()].join("\n");
    format!("{how}; the end of its console:\n{}", said.trim_end())
}

/// The last lines. If a crash is before them, the lines from there on.
fn excerpt(console: &str) -> String {
    let lines: Vec<&str> = console.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let last = lines.len().saturating_sub(LINES);
    let crash = lines.iter().position(|line| BEGINNINGS.iter().any(|beginning| line.contains(beginning)));
    let from = crash.map_or(last, |crash| crash.min(last));
    lines.get(from..).unwrap_or_default().iter().take(LINES).copied().collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{LINES, excerpt};

    #[test]
    fn shows_the_crash_even_with_a_long_trace() {
        let console: String = (0..100).map(|n| format!("line {n}\r\n")).collect();
        assert!(excerpt(&console).starts_with("line 75\n") && excerpt(&console).ends_with("line 99"));
        let crashed = console.replace("line 40", "Kernel panic - not syncing");
        assert!(excerpt(&crashed).starts_with("Kernel panic") && excerpt(&crashed).lines().count() == LINES);
    }
}
