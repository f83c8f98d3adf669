//! What the user allows to be read of processes.

/// Whether the command lines of processes may be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cmdlines {
    /// They are, of those involved in a decision.
    #[default]
    Read,
    /// Neither side reads any.
    Never,
}
