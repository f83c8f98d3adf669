//! The errors of this crate.

use std::{io, path::PathBuf, process::ExitStatus};

/// An error while an object was built, stamped or checked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// The attempted action, as a verb: `read`, `write`, `list`.
        action: &'static str,
        /// The file of the action.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A program could not be started.
    #[error("cannot run `{program}`")]
    Start {
        /// The program, as it was called.
        program: String,
        /// The cause.
        source: io::Error,
    },
    /// A program exited with a failure.
    #[error("`{command}` failed ({status})")]
    Failed {
        /// The command and its purpose.
        command: String,
        /// The exit status.
        status: ExitStatus,
    },
    /// The stamp does not have the form that [`crate::Stamp`] writes.
    #[error("{}: {reason}", path.display())]
    Stamp {
        /// The stamp file.
        path: PathBuf,
        /// The defect of the stamp.
        reason: String,
    },
    /// Cargo.lock does not contain the package.
    #[error("{} names no package `{package}`", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// The missing package.
        package: String,
    },
    /// A tool for building from source is missing or has the wrong version.
    #[error("{what}; `cargo xtask setup` gets it")]
    Tool {
        /// The missing tool, as half a sentence.
        what: String,
    },
    /// The linker's output is not an ELF file, so the debug sections cannot be removed.
    #[error("cannot remove the debug sections of the object")]
    Strip(#[from] object::build::Error),
    /// The object contains the name of a directory of the build machine.
    #[error("the object built for {arch} holds the path {path}: it would differ on every machine")]
    Path {
        /// The architecture of the object.
        arch: &'static str,
        /// The directory in the object.
        path: String,
    },
}

/// The result of the fallible functions of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Builds an error for `map_err` that names the action and the file.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}
