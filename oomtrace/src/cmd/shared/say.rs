//! Messages to the user, on standard error.

use std::{
    fmt::Display,
    io::{self, Write as _},
};

use crate::sink::terminal::sanitize;

/// Prints a message. If standard error cannot be written (a log on a full disk, a reader that exited), this must not end a
/// recording, or an experiment before everything is restored. `eprintln!` would panic.
pub fn say(sentence: impl Display) {
    // One write per message, because several threads and processes write lines there.
    let _ = io::stderr().write_all(lines(&sentence.to_string()).as_bytes());
}

/// The message may contain names of files and processes that another user chose. They cannot move the cursor or begin a line
/// that looks like another message.
fn lines(sentence: &str) -> String {
    let safe: Vec<String> = sentence.split('\n').map(sanitize::sentence).collect();
    format!("oomtrace: {}\n", safe.join("\n  "))
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn escapes_control_characters_and_line_ends_in_names() {
        let name = "a\u{1b}[2J\u{202e}b\noomtrace: armed, tier fentry";
        let said = lines(&format!("reading {name}: it is not a recording"));
        assert_eq!(
            said,
            "oomtrace: reading a\\x1b[2J\\u{202e}b\n  oomtrace: armed, tier fentry: it is not a recording\n"
        );
    }
}
