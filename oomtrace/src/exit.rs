//! Exit statuses of the commands.

/// Exit statuses. They are documented in `--help` and the README, and never renumbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or ended by SIGINT, SIGTERM or a reader that closed its end.
    Success,
    /// Something else failed; the message on stderr says what.
    Failure,
    /// The command line is wrong.
    Usage,
    /// A privilege is missing: run as root, or with the capabilities that the message names.
    Privilege,
    /// This kernel cannot be traced: BTF is missing, lockdown is on, or a required field or hook is missing.
    Kernel,
    /// The output could not be written.
    Output,
    /// A file could not be read as the expected type.
    Input,
    /// The recording does not contain what was requested; the message says why.
    Unanswered,
    /// The status of the command that `record -- CMD` ran.
    Command(u8),
}

impl Exit {
    /// All statuses with a short meaning.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Success, "done, or ended by a signal or by the reader"),
        (Self::Failure, "something else failed"),
        (Self::Usage, "wrong command line"),
        (Self::Privilege, "a privilege is missing, or the running tracer refuses to answer"),
        (Self::Kernel, "this kernel cannot be traced"),
        (Self::Output, "the output could not be written"),
        (Self::Input, "a file could not be read, is damaged, or is not a recording"),
        (Self::Unanswered, "the recording, or the running tracer, does not contain the answer"),
    ];

    /// The number that the shell sees.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Privilege => 3,
            Self::Kernel => 4,
            Self::Output => 5,
            Self::Input => 6,
            Self::Unanswered => 7,
            Self::Command(code) => code,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn numbers_are_stable() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|(exit, _)| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
