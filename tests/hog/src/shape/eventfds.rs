//! Event counters: the kernel allocates a few small objects for each.

use std::os::fd::OwnedFd;

use anyhow::{Context, Result};
use clap::Args;
use rustix::event::{EventfdFlags, eventfd};

use super::{Taken, open_files};

/// A large number of event counters.
#[derive(Args)]
pub(crate) struct Eventfds {
    /// How many
    #[arg(long)]
    count: usize,
}

impl Eventfds {
    pub(crate) fn take(&self) -> Result<Taken> {
        open_files::allow()?;
        let make = |_| eventfd(0, EventfdFlags::CLOEXEC).context("making an event counter");
        Ok((0..self.count).map(make).collect::<Result<Vec<OwnedFd>>>()?.into())
    }
}
