//! The program that `--exec` names, and how it is started.

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

/// Where a process says how willingly the kernel shall kill it.
const SCORE: &str = "/proc/self/oom_score_adj";

/// There is no such program.
#[derive(Debug, thiserror::Error)]
#[error("--exec: {}: no such program, or not executable; give the path of one program, without arguments", .0.display())]
pub struct NotFound(PathBuf);

/// A program, with the `oom_score_adj` that it shall have.
pub struct Program {
    path: PathBuf,
    score: Vec<u8>,
}

impl Program {
    /// Finds it as a shell does: a path, or a name in `PATH`. Call it before this process protects itself, because it notes the
    /// `oom_score_adj` that the program shall have.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn find(typed: &OsStr) -> Result<Self, NotFound> {
        let path = if typed.as_bytes().contains(&b'/') {
            Some(PathBuf::from(typed)).filter(|path| is_executable(path))
        } else {
            let folders = env::var_os("PATH").unwrap_or_default();
            env::split_paths(&folders).map(|folder| folder.join(typed)).find(|path| is_executable(path))
        };
        let path = path.ok_or_else(|| NotFound(PathBuf::from(typed)))?;
        // If procfs is absent, the child's own write fails as well.
        Ok(Self { path, score: fs::read(SCORE).unwrap_or_else(|_| b"0".to_vec()) })
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
        // It must not speak to the supervisor in our name.
        command.env_remove("NOTIFY_SOCKET");
        let score = self.score.clone();
        // SAFETY: between fork and exec the closure makes three system calls with memory that is there already; it allocates
        // nothing and takes no lock.
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

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::Program;

    #[test]
    fn a_program_is_found_by_path_or_by_name() {
        for found in ["/bin/sh", "sh"] {
            assert!(Program::find(OsStr::new(found)).unwrap().name().ends_with("/sh"));
        }
        for missing in ["/nonexistent", "/etc/passwd", "/", "", "no-such-program", "sh -c true"] {
            assert!(Program::find(OsStr::new(missing)).is_err(), "{missing}");
        }
    }
}
