//! How the command ends.

/// Exit statuses; documented in `--help` and the README, and never renumbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or ended by SIGINT, SIGTERM or a reader that had seen enough.
    Success = 0,
    /// Something else went wrong; the sentence on stderr says what.
    Failure = 1,
    /// The command line is wrong.
    Usage = 2,
    /// A privilege is missing: run as root, or with the capabilities that the sentence names.
    Privilege = 3,
    /// This kernel cannot be traced: no BTF, lockdown, a required field or hook missing.
    Kernel = 4,
    /// The output could not be written.
    Output = 5,
    /// A file that was to be read is not what it should be.
    Input = 6,
    /// The recording does not hold what was asked; the sentence says why.
    Unanswered = 7,
}

impl Exit {
    /// All of them, with their meaning in a few words.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Success, "done, or ended by a signal or by the reader"),
        (Self::Failure, "something else failed"),
        (Self::Usage, "wrong command line"),
        (Self::Privilege, "a privilege is missing"),
        (Self::Kernel, "this kernel cannot be traced"),
        (Self::Output, "the output could not be written"),
        (Self::Input, "a file could not be read as what it should be"),
        (Self::Unanswered, "the recording does not hold what was asked"),
    ];

    /// The number the shell sees.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "the discriminants are the numbers, and `repr(u8)` holds them")]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn the_numbers_are_what_scripts_rely_on() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|(exit, _)| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
