//! The pid namespaces of a scenario. The namespace of a process is set when it is started. This process stays in its own
//! namespace and remains the parent that collects every exit status.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use anyhow::{Context, Result};
use rustix::fs::{Mode, OFlags, open};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

/// The namespace of this process.
const OWN: &str = "/proc/self/ns/pid";
/// The namespace in which its children start. The file exists once the namespace has an init.
const OF_CHILDREN: &str = "/proc/self/ns/pid_for_children";

/// The namespaces by their names in the scenario.
#[derive(Default)]
pub(crate) struct PidNamespaces(BTreeMap<String, OwnedFd>);

impl PidNamespaces {
    /// Start a process in a namespace. The first process in it is its init. Without a name, the process starts in this
    /// process's namespace.
    pub(crate) fn start<T>(&mut self, name: Option<&str>, start: impl FnOnce() -> Result<T>) -> Result<T> {
        let Some(name) = name else { return start() };
        match self.0.get(name) {
            Some(namespace) => have_children_in(namespace)?,
            None => new_for_children().with_context(|| format!("making pid namespace {name}"))?,
        }
        let started = start();
        if started.is_ok() && !self.0.contains_key(name) {
            self.0.insert(name.to_owned(), namespace(OF_CHILDREN)?);
        }
        have_children_in(&namespace(OWN)?)?;
        started
    }
}

fn new_for_children() -> Result<()> {
    // SAFETY: a new pid namespace changes only where children start, and nothing that this process's threads share.
    unsafe { unshare_unsafe(UnshareFlags::NEWPID) }.context("leaving the pid namespace")
}

fn have_children_in(namespace: &OwnedFd) -> Result<()> {
    use std::os::fd::AsFd as _;
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::ProcessID))
        .context("entering a pid namespace")
}

fn namespace(path: &str) -> Result<OwnedFd> {
    open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).with_context(|| format!("opening {path}"))
}
