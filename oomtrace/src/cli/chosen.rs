//! The options of the command that runs.

use super::{Cli, Command, Record, Watch};

impl Cli {
    /// The options of `watch`, if it is the command.
    pub(crate) const fn watch(&self) -> Option<&Watch> {
        match &self.command {
            None => Some(&self.watch),
            Some(Command::Watch(options)) => Some(options),
            Some(_) => None,
        }
    }

    /// The options of `record`, if it is the command.
    pub(crate) const fn record(&self) -> Option<&Record> {
        match &self.command {
            Some(Command::Record(options)) => Some(options),
            _ => None,
        }
    }
}
