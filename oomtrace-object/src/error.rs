use std::{io, path::PathBuf, process::ExitStatus};

/// What went wrong while an object was built, stamped or checked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried, as a verb: `read`, `write`, `list`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A program could not be started.
    #[error("cannot run `{program}`")]
    Start {
        /// The program, as it was called.
        program: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A program ended with a failure.
    #[error("`{command}` failed ({status})")]
    Failed {
        /// The command and what it was for.
        command: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// The stamp is not of the form [`crate::Stamp`] writes.
    #[error("{}: {reason}", path.display())]
    Stamp {
        /// The stamp file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Cargo.lock names no such package.
    #[error("{} names no package `{package}`", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// The package looked for.
        package: String,
    },
    /// A tool for building from source is not there, or is the wrong version.
    #[error("{what}; `cargo xtask setup` gets it")]
    Tool {
        /// What is missing, as half a sentence.
        what: String,
    },
    /// The linker's output is no ELF file that debug sections can be removed from.
    #[error("cannot remove the debug sections of the object")]
    Strip(#[from] object::build::Error),
    /// The object names a folder of the machine that built it.
    #[error("the object built for {arch} holds the path {path}: it would differ on every machine")]
    Path {
        /// The architecture it was built for.
        arch: &'static str,
        /// The folder that stands in it.
        path: String,
    },
}

/// The result of everything here that can fail.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// For `map_err`: names what was tried on which file.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}
