//! Reports for people: one line, or in full.

pub(crate) mod diff;
pub(crate) mod experiment;
mod forecast;
mod full;
mod line;
mod list;
pub(crate) mod whatif;

#[cfg(test)]
pub(crate) mod example;

pub(crate) use self::forecast::what;
pub use self::{full::Full, line::Line, list::List};
pub(crate) use super::{sanitize, units};

/// Colors, if they were requested.
#[derive(Clone, Copy, Debug)]
struct Paint {
    colour: bool,
}

impl Paint {
    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
