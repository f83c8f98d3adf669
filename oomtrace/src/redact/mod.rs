//! Hides parts of command lines that look like passwords or tokens, before reports are built.
//!
//! This is a guess about text, and it prefers to hide too much. A secret that looks like any other word stays visible.

mod keys;
mod pairs;
mod programs;
mod shapes;
mod text;

use crate::{attribute::title, bytes::ByteString, context::Process, event::Event};

/// The replacement for a hidden value.
pub const HIDDEN: &str = "[hidden]";

/// How much of a command line is hidden.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redact {
    /// Nothing.
    #[default]
    Nothing,
    /// Values that look like secrets.
    Secrets,
    /// Secrets, and the title that a process set for itself, because it may contain a query or a user.
    SecretsAndTitles,
}

impl Redact {
    /// Hides secrets in an event, so that no later stage has them.
    pub fn event(self, event: &mut Event) {
        if self == Self::Nothing {
            return;
        }
        if let Event::Process(Process { cmdline: Some(cmdline), exe, .. }) = event {
            *cmdline = self.cmdline(cmdline, exe.as_ref());
        } else if let Event::Prekill(prekill) = event {
            let processes = prekill.snapshot.iter_mut().flat_map(|snapshot| &mut snapshot.processes);
            for cmdline in processes.filter_map(|process| process.cmdline.as_mut()) {
                *cmdline = self.cmdline(cmdline, None);
            }
        }
    }

    fn cmdline(self, cmdline: &[ByteString], exe: Option<&ByteString>) -> Vec<ByteString> {
        if self == Self::SecretsAndTitles && title(cmdline, exe).is_some() {
            return vec![HIDDEN.into()];
        }
        let words: Vec<&[u8]> = cmdline.iter().map(ByteString::as_bytes).collect();
        text::arguments(&words, text::DEPTH).into_iter().map(ByteString::from).collect()
    }
}

#[cfg(test)]
mod tests;
