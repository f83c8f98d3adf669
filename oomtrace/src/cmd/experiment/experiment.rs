//! A running experiment: its scratch cgroups, the knobs that it has changed, and its supervisor.

use std::{
    os::fd::AsFd as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{
    output::Directory,
    scratch::{Scratch, Tree},
    state::Journal,
    supervisor::Supervisor,
};
use crate::{
    cli::TierChoice,
    cmd::shared::{knob_file, signals::Stop},
    experiment::{
        knob,
        plan::{Layout, Plan, Setting},
    },
    source::cgroup::cgroupfs::MemoryHierarchy,
};

/// Everything a run needs.
pub(super) struct Experiment<'a> {
    pub(super) plan: &'a Plan,
    pub(super) hierarchy: &'a MemoryHierarchy,
    pub(super) scratch: Scratch<'a>,
    pub(super) journal: &'a Journal,
    pub(super) supervisor: Supervisor,
    pub(super) output: &'a Directory,
    /// The directory of the file, in which commands run.
    pub(super) directory: PathBuf,
    pub(super) tier: TierChoice,
    pub(super) stop: &'a Stop,
}

/// SIGINT or SIGTERM was received.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(super) struct Interrupted;

impl Experiment<'_> {
    pub(super) fn layout(&self, variant: usize) -> Result<Layout> {
        let variant = self.plan.variants.get(variant).context("no such variant")?;
        Ok(self.plan.layout(variant))
    }

    pub(super) fn tree(&self, number: usize, layout: &Layout) -> Result<Tree> {
        self.scratch.tree(number, &layout.cgroups)
    }

    /// Sets every knob of the experiment, to the value for this run or to its old value.
    pub(super) fn set_knobs(&self, layout: &Layout) -> Result<()> {
        let place = |setting: &Setting| knob::place(&setting.name, Some(self.hierarchy.mount()));
        let wanted =
            |path: &Path| layout.knobs.iter().find(|setting| place(setting).is_ok_and(|at| at == path));
        for old in &self.journal.knobs {
            let value = match wanted(&old.path) {
                Some(setting) => {
                    knob::takes(&old.path).written(&setting.value).map_err(anyhow::Error::msg)?
                }
                // Writing one of a pair sets the other to 0.
                None if knob::counterpart(&old.path).is_some_and(|other| wanted(&other).is_some()) => {
                    continue;
                }
                None => knob::value(&old.value).to_owned(),
            };
            let is_set = knob_file::read(&old.path).is_ok_and(|now| knob::value(&now) == value.trim());
            if !is_set {
                knob_file::write(&old.path, &value)
                    .with_context(|| format!("writing {} to {}", value.trim(), old.path.display()))?;
            }
        }
        Ok(())
    }

    pub(super) fn is_interrupted(&self) -> bool {
        let mut fds = [PollFd::from_borrowed_fd(self.stop.readable.as_fd(), PollFlags::IN)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut fds, Some(&now)).is_ok_and(|ready| ready > 0)
    }
}
