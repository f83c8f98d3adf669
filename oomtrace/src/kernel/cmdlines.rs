//! Whether the user allows command lines to be read.

/// Whether the command lines of processes may be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cmdlines {
    /// The command lines of processes that are involved in a decision are read.
    #[default]
    Read,
    /// No command line is read, neither in the kernel nor in user space.
    Never,
}
