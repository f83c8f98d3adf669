//! Messages to the user, on standard error.

use std::{
    fmt::Display,
    io::{self, Write as _},
};

use crate::sink::terminal::sanitize;

/// Says a sentence. A standard error that takes nothing (a log on a full disk, a reader that went away) must not end a
/// recording, or an experiment before everything is put back: `eprintln!` would.
pub fn say(sentence: impl Display) {
    // In one piece: lines of several threads and processes meet there.
    let _ = io::stderr().write_all(lines(&sentence.to_string()).as_bytes());
}

/// Names of files and processes may be in it, which anybody may have chosen: they move no cursor, and begin no line that looks
/// like another message.
fn lines(sentence: &str) -> String {
    let safe: Vec<String> = sentence.split('\n').map(sanitize::sentence).collect();
    format!("oomtrace: {}\n", safe.join("\n  "))
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn a_name_moves_no_cursor_and_begins_no_message() {
        let name = "a\u{1b}[2J\u{202e}b\noomtrace: armed, tier fentry";
        let said = lines(&format!("reading {name}: it is not a recording"));
        assert_eq!(
            said,
            "oomtrace: reading a\\x1b[2J\\u{202e}b\n  oomtrace: armed, tier fentry: it is not a recording\n"
        );
    }
}
