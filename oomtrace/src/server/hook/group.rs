//! The process group of a command, with whatever the command started in it.

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

/// Killed when it is dropped: nothing that a command leaves behind piles up.
pub(super) struct Group(Option<Pid>);

impl Group {
    /// Of a child that leads a group of its own and was not waited for yet.
    pub(super) fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0.take() {
            // Usually there is nobody left.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
