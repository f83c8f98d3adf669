//! What is said to whoever started the command, on standard error.

use std::{
    fmt::Display,
    io::{self, Write as _},
};

/// Says a sentence. A standard error that takes nothing (a log on a full disk, a reader that went away) must not end a
/// recording, or an experiment before everything is put back: `eprintln!` would.
pub fn say(sentence: impl Display) {
    // In one piece: lines of several threads and processes meet there.
    let line = format!("oomtrace: {sentence}\n");
    let _ = io::stderr().write_all(line.as_bytes());
}
