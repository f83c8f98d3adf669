//! Finds and starts the program of `--exec`.

use std::{
    env,
    ffi::OsStr,
    fs, io,
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    path::{Path, PathBuf},
    process::Stdio,
};

use rustix::fs::{Mode, OFlags, open};
use tokio::process::{Child, Command};

/// The file with this process's `oom_score_adj`.
const SCORE: &str = "/proc/self/oom_score_adj";

/// The program does not exist.
#[derive(Debug, thiserror::Error)]
#[error("--exec: {}: no such program, or not executable; give the path of one program, without arguments", .0.display())]
pub struct NotFound(PathBuf);

/// A program and the `oom_score_adj` that it gets.
pub struct Program {
    path: PathBuf,
    score: Vec<u8>,
}

impl Program {
    /// Finds the program as a shell does: by a path, or by a name in `PATH`. Call it before this process protects itself,
    /// because it records the `oom_score_adj` that the program gets.
    ///
    /// # Errors
    ///
    /// If there is no such program.
    pub fn find(typed: &OsStr) -> Result<Self, NotFound> {
        let path = if typed.as_bytes().contains(&b'/') {
            Some(PathBuf::from(typed)).filter(|path| is_executable(path))
        } else {
            let directories = env::var_os("PATH").unwrap_or_default();
            env::split_paths(&directories)
                .map(|directory| directory.join(typed))
                .find(|path| is_executable(path))
        };
        let path = path.ok_or_else(|| NotFound(PathBuf::from(typed)))?;
        // If procfs is absent, the child's own write fails as well.
        Ok(Self { path, score: score_of(&fs::read(SCORE).unwrap_or_default()).to_vec() })
    }

    /// Its path, for messages.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Starts it in a process group of its own, with pipes.
    pub(super) fn start(&self) -> io::Result<Child> {
        let mut command = Command::new(&self.path);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        // The program must not send messages to the service manager in oomtrace's name.
        command.env_remove("NOTIFY_SOCKET");
        let score = self.score.clone();
        // SAFETY: between fork and exec the closure makes three system calls with existing memory. It does not allocate and
        // takes no lock.
        unsafe {
            command.pre_exec(move || {
                // Unlike this process, a command is not exempt from the OOM killer.
                let file = open(c"/proc/self/oom_score_adj", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty());
                if let Ok(file) = file {
                    let _ = rustix::io::write(&file, &score);
                }
                Ok(())
            });
        }
        command.spawn()
    }
}

/// Returns the value for a program, from the one of this process. A unit with `OOMScoreAdjust=-1000` exempts this process from the OOM
/// killer before it starts. A program is never exempt.
fn score_of(own: &[u8]) -> &[u8] {
    match own.trim_ascii() {
        b"" | b"-1000" => b"0",
        own => own,
    }
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::{Program, score_of};

    #[test]
    fn no_program_is_exempt_from_the_oom_killer() {
        assert_eq!(
            [b"-1000\n".as_slice(), b"", b"321\n", b"-999\n"].map(score_of),
            [b"0".as_slice(), b"0", b"321", b"-999"]
        );
    }

    #[test]
    fn finds_a_program_by_path_or_by_name() {
        for found in ["/bin/sh", "sh"] {
            assert!(Program::find(OsStr::new(found)).unwrap().name().ends_with("/sh"));
        }
        for missing in ["/nonexistent", "/etc/passwd", "/", "", "no-such-program", "sh -c true"] {
            assert!(Program::find(OsStr::new(missing)).is_err(), "{missing}");
        }
    }
}
