//! What has to survive a crash: the old values, on disk before the first change, and the lock that lets one experiment at a time
//! change anything.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

const LOCK: &str = "experiment.lock";
const JOURNAL: &str = "experiment.json";

/// The folder of the state.
pub(super) struct State {
    folder: PathBuf,
}

/// What has to be put back, and what has to go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    /// The boot it was written in: knobs do not outlive one.
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

/// A knob and what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Knob {
    /// Its file.
    pub(super) path: PathBuf,
    /// What was read from it.
    pub(super) value: String,
}

/// The lock; let go when every process that has a copy of the descriptor is gone.
pub(super) struct Lock(File);

impl State {
    pub(super) fn open(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)
            .with_context(|| format!("making {} for the old values", folder.display()))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Takes the lock; an experiment that is under way has it, and its supervisor until everything is put back.
    pub(super) fn lock(&self) -> Result<Lock> {
        let path = self.folder.join(LOCK);
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.with_context(|| format!("opening {}", path.display()))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Lock(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                bail!("another experiment is under way, or being put back (it holds {})", path.display())
            }
            Err(error) => Err(error).with_context(|| format!("locking {}", path.display())),
        }
    }

    /// The journal that is there, if one is.
    pub(super) fn journal(&self) -> Result<Option<Journal>> {
        let path = self.folder.join(JOURNAL);
        match fs::read(&path) {
            Ok(bytes) => {
                let journal = serde_json::from_slice(&bytes);
                Ok(Some(journal.with_context(|| format!("reading the old values in {}", path.display()))?))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }

    /// Has the journal on disk, whole or not at all.
    pub(super) fn write(&self, journal: &Journal) -> Result<()> {
        let (path, new) = (self.folder.join(JOURNAL), self.folder.join("experiment.json.new"));
        let writing = || format!("writing the old values to {}", path.display());
        let mut file = File::create(&new).with_context(writing)?;
        file.write_all(&serde_json::to_vec_pretty(journal)?).with_context(writing)?;
        file.sync_all().with_context(writing)?;
        fs::rename(&new, &path).with_context(writing)?;
        self.sync().with_context(writing)
    }

    /// There is nothing to put back any more.
    pub(super) fn forget(&self) -> Result<()> {
        let path = self.folder.join(JOURNAL);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("removing {}", path.display()))
            }
            Ok(()) | Err(_) => self.sync().with_context(|| format!("removing {}", path.display())),
        }
    }

    fn sync(&self) -> std::io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }
}

impl Lock {
    /// The same lock for another process.
    pub(super) fn share(&self) -> Result<File> {
        self.0.try_clone().context("sharing the lock with the supervisor")
    }
}

/// Names this boot.
pub(super) fn boot_id() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Journal, Knob, State};

    #[test]
    fn a_journal_comes_back_as_it_was_and_one_has_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        assert_eq!(state.journal().unwrap(), None);
        let lock = state.lock().unwrap();
        assert!(state.lock().is_err());
        let shared = lock.share().unwrap();
        drop(lock);
        assert!(state.lock().is_err(), "the supervisor still has it");
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
