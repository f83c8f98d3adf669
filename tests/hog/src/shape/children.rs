//! Several processes under one parent that allocates nothing itself.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use clap::Args;

use super::Taken;

/// Children that each allocate anonymous memory and hold it. The parent prints `child PID` for each.
#[derive(Args)]
pub(crate) struct Children {
    /// How many
    #[arg(long)]
    count: usize,
    /// How much each takes, in MiB
    #[arg(long)]
    mib: usize,
    /// `oom_score_adj` of each
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    child_adj: i16,
}

impl Children {
    pub(crate) fn take(&self) -> Result<Taken> {
        let children: Vec<Child> = (0..self.count).map(|_| self.start()).collect::<Result<_>>()?;
        Ok(children.into())
    }

    /// Starts one child and waits until it holds its memory or has exited.
    fn start(&self) -> Result<Child> {
        let mut child = Command::new("/proc/self/exe")
            .args(["--hold", "--adj", &self.child_adj.to_string()])
            .args(["anon", "--mib", &self.mib.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .context("starting a child")?;
        crate::say(&format!("child {}", child.id()))?;
        if let Some(out) = child.stdout.take() {
            let mut words = BufReader::new(out).lines();
            words.find(|word| !matches!(word.as_deref(), Ok("ready")));
        }
        Ok(child)
    }
}
