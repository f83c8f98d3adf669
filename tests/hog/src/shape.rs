//! The ways of taking memory, one a file.

mod anon;
mod children;
mod file;
mod kill;
mod mapping;
mod shmem;
mod thread;

use anyhow::Result;
use clap::Subcommand;

/// How memory is taken.
#[derive(Subcommand)]
pub(crate) enum Shape {
    /// Take none
    Idle,
    /// Private anonymous memory
    Anon(anon::Anon),
    /// Private anonymous memory, touched by a second thread
    Thread(thread::Thread),
    /// Pages of a file, mapped shared
    File(file::File),
    /// Shared anonymous memory
    Shmem(shmem::Shmem),
    /// Several processes, each taking anonymous memory
    Children(children::Children),
    /// No memory, but a SIGKILL for somebody else
    Kill(kill::Kill),
}

/// Memory that stays taken until it is dropped: mappings, or processes that have some.
#[derive(Default)]
pub(crate) struct Taken {
    _mappings: Vec<mapping::Mapping>,
    _children: Vec<std::process::Child>,
}

impl Shape {
    /// Take the memory, touching every page of it.
    pub(crate) fn take(&self) -> Result<Taken> {
        match self {
            Self::Idle => Ok(Taken::default()),
            Self::Anon(anon) => anon.take(),
            Self::Thread(thread) => thread.take(),
            Self::File(file) => file.take(),
            Self::Shmem(shmem) => shmem.take(),
            Self::Children(children) => children.take(),
            Self::Kill(kill) => kill.take(),
        }
    }
}

impl From<mapping::Mapping> for Taken {
    fn from(mapping: mapping::Mapping) -> Self {
        Self { _mappings: vec![mapping], _children: Vec::new() }
    }
}

impl From<Vec<std::process::Child>> for Taken {
    fn from(children: Vec<std::process::Child>) -> Self {
        Self { _mappings: Vec::new(), _children: children }
    }
}
