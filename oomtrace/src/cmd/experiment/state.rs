//! The state that must survive a crash: the old values, on disk before the first change, and the lock that allows only one
//! experiment at a time.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use rustix::fs::{FlockOperation, OFlags, flock};
use serde::{Deserialize, Serialize};

use crate::trust::Directory;

const LOCK: &str = "experiment.lock";
const JOURNAL: &str = "experiment.json";
const NEW: &str = "experiment.json.new";

/// Much more than a journal of a thousand knobs needs.
const JOURNAL_BYTES: u64 = 1 << 20;

const ADVICE: &str =
    "the values to restore must be in a directory that only root can write to; pass one with --state DIR";

/// The state directory. A user who can write to it decides what root writes on this machine.
pub(super) struct State {
    directory: Directory,
}

/// The values to restore, and the cgroups to remove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    /// The boot in which it was written, because knobs do not survive a reboot.
    pub(super) boot_id: String,
    /// The experiment's file.
    pub(super) file: PathBuf,
    /// The experiment's own cgroup.
    pub(super) scratch: PathBuf,
    /// The `cgroup.subtree_control` in which the memory controller was switched on.
    pub(super) switched_on: Option<PathBuf>,
    /// The knobs and their old values.
    pub(super) knobs: Vec<Knob>,
}

/// A knob and its old value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Knob {
    /// Its file.
    pub(super) path: PathBuf,
    /// The old value, as it was read.
    pub(super) value: String,
}

/// The lock. It is released when every process with a copy of the descriptor has exited.
pub(super) struct Lock(File);

impl State {
    /// Opens the directory, if it exists.
    pub(super) fn open(path: &Path) -> Result<Option<Self>> {
        match Directory::open(path, ADVICE) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            opened => Ok(Some(Self { directory: opened? })),
        }
    }

    /// Opens the directory, and creates it if it is missing.
    pub(super) fn make(path: &Path) -> Result<Self> {
        Ok(Self { directory: Directory::make(path, ADVICE)? })
    }

    /// Takes the lock. A running experiment holds it, and then its supervisor, until everything is restored.
    pub(super) fn lock(&self) -> Result<Lock> {
        let file = self.directory.file(LOCK, OFlags::WRONLY | OFlags::CREATE)?;
        let path = self.directory.path().join(LOCK);
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Lock(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                bail!("another experiment is running or being restored (it holds {})", path.display())
            }
            Err(error) => Err(error).with_context(|| format!("locking {}", path.display())),
        }
    }

    /// Reads the journal, if there is one.
    pub(super) fn journal(&self) -> Result<Option<Journal>> {
        let Some(bytes) = self.directory.read(JOURNAL, JOURNAL_BYTES)? else { return Ok(None) };
        let journal = serde_json::from_slice(&bytes);
        let path = self.directory.path().join(JOURNAL);
        Ok(Some(journal.with_context(|| format!("reading the old values in {}", path.display()))?))
    }

    /// Writes the journal atomically.
    pub(super) fn write(&self, journal: &Journal) -> Result<()> {
        let writing =
            || format!("writing the old values to {}", self.directory.path().join(JOURNAL).display());
        // A partly written file from an earlier attempt.
        self.directory.remove(NEW)?;
        let mut file = self.directory.file(NEW, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)?;
        file.write_all(&serde_json::to_vec_pretty(journal)?).with_context(writing)?;
        file.sync_all().with_context(writing)?;
        self.directory.rename(NEW, JOURNAL).with_context(writing)?;
        self.directory.sync().with_context(writing)
    }

    /// Removes the journal, because nothing is left to restore.
    pub(super) fn forget(&self) -> Result<()> {
        self.directory.remove(JOURNAL)?;
        Ok(self.directory.sync()?)
    }
}

impl Lock {
    /// A copy of the lock for another process.
    pub(super) fn share(&self) -> Result<File> {
        self.0.try_clone().context("sharing the lock with the supervisor")
    }
}

/// Identifies this boot.
pub(super) fn boot_id() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Journal, Knob, State};

    #[test]
    fn journal_survives_a_round_trip_and_only_one_process_has_the_lock() {
        let directory = tempfile::tempdir().unwrap();
        let state = State::make(directory.path()).unwrap();
        assert_eq!(state.journal().unwrap(), None);
        let lock = state.lock().unwrap();
        assert!(state.lock().is_err());
        let shared = lock.share().unwrap();
        drop(lock);
        assert!(state.lock().is_err(), "the supervisor still holds it");
        drop(shared);
        let _lock = state.lock().unwrap();
        let knobs = vec![Knob { path: "/proc/sys/vm/swappiness".into(), value: "60\n".to_owned() }];
        let (file, scratch) = ("a.toml".into(), "/sys/fs/cgroup/x".into());
        let journal = Journal { boot_id: "1".to_owned(), file, scratch, switched_on: None, knobs };
        state.write(&journal).unwrap();
        assert_eq!(state.journal().unwrap(), Some(journal));
        state.forget().unwrap();
        state.forget().unwrap();
        assert_eq!(state.journal().unwrap(), None);
    }
}
