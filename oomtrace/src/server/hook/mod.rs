//! `--exec`: runs a command of the user for each report (`docs/hooks.md`).

mod group;
mod program;
mod run;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Semaphore, task::JoinSet};

pub use self::program::{NotFound, Program};
use self::run::run;
use super::{HookError, Trouble, complaints::Complaints, feed::Inbox};

/// The maximum number of reports that wait for the command. A report has a few kilobytes, or some hundred if thousands of
/// processes were candidates.
pub(super) const WAITING: usize = 128;

/// The maximum number of commands that run at the same time.
const AT_A_TIME: usize = 4;

/// A command and its time limit.
pub struct Hook {
    /// The program.
    pub program: Program,
    /// The time limit of a run.
    pub limit: Duration,
}

/// How the commands ended.
#[derive(Debug, Default)]
pub(super) struct Runs {
    succeeded: AtomicU64,
    failed: AtomicU64,
    timed_out: AtomicU64,
}

impl Runs {
    /// The counts with their names.
    pub(super) fn counts(&self) -> [(&'static str, u64); 3] {
        let counts = [("success", &self.succeeded), ("failure", &self.failed), ("timeout", &self.timed_out)];
        counts.map(|(name, count)| (name, count.load(Ordering::Relaxed)))
    }

    fn count(&self, result: &Result<(), HookError>) {
        let count = match result {
            Ok(()) => &self.succeeded,
            Err(HookError::Time(_)) => &self.timed_out,
            Err(HookError::Start(_) | HookError::Status { .. } | HookError::Wait(_)) => &self.failed,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Runs the command for each report, a few at the same time. Returns when the last one has ended.
pub(super) async fn serve(hook: Hook, mut inbox: Inbox, runs: Arc<Runs>, complaints: Arc<Complaints>) {
    let (hook, room) = (Arc::new(hook), Arc::new(Semaphore::new(AT_A_TIME)));
    let mut running = JoinSet::new();
    while let Some(message) = inbox.next(&complaints).await {
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let (hook, runs, complaints) = (Arc::clone(&hook), Arc::clone(&runs), Arc::clone(&complaints));
        running.spawn(async move {
            let result = run(&hook, message.json).await;
            runs.count(&result);
            if let Err(error) = result {
                complaints.say(&Trouble::Hook { program: hook.program.name(), error });
            }
            drop(place);
        });
        while running.try_join_next().is_some() {}
    }
    while running.join_next().await.is_some() {}
}

#[cfg(test)]
mod tests;
