//! The pid namespaces of a scenario. Whoever starts a process decides on its namespace; this one stays where it
//! is, and remains the parent that learns how each process ended.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use anyhow::{Context, Result};
use rustix::fs::{Mode, OFlags, open};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

/// The namespace this process is in.
const OWN: &str = "/proc/self/ns/pid";
/// The one that its children begin in; there once it has an init.
const OF_CHILDREN: &str = "/proc/self/ns/pid_for_children";

/// Namespaces by the names the scenario has for them.
#[derive(Default)]
pub(crate) struct PidNamespaces(BTreeMap<String, OwnedFd>);

impl PidNamespaces {
    /// Start a process in a namespace; the first one is its init. Without a name, in this process's own.
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
    // SAFETY: a new pid namespace changes where children begin, and nothing that this process's threads share.
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
