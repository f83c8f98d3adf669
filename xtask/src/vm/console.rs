//! The end of a console, for a guest that was lost.

use super::qemu::Ran;

/// Lines shown.
const LINES: usize = 25;
/// What a line holds where the kernel begins to say what went wrong.
const BEGINNINGS: [&str; 4] = ["Kernel panic", "Oops", "BUG: ", "guest: not done"];

/// How the guest ended, and what its console says of that.
pub(super) fn end(ran: &Ran) -> String {
    let how = if ran.timed_out { "it hung" } else { "it went down" };
    let said = [excerpt(&ran.console).as_str(), ran.complaint.trim_end()].join("\n");
    format!("{how}, and this is the end of its console:\n{}", said.trim_end())
}

/// The last lines; if there is a crash before them, the lines from there.
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
    fn the_crash_is_shown_however_long_its_trace() {
        let console: String = (0..100).map(|n| format!("line {n}\r\n")).collect();
        assert!(excerpt(&console).starts_with("line 75\n") && excerpt(&console).ends_with("line 99"));
        let crashed = console.replace("line 40", "Kernel panic - not syncing");
        assert!(excerpt(&crashed).starts_with("Kernel panic") && excerpt(&crashed).lines().count() == LINES);
    }
}
