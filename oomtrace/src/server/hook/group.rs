//! The process group of a command and everything that the command started in it.

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

/// A process group that is killed when this value is dropped, so that processes which a command leaves behind do not
/// accumulate.
pub(super) struct Group(Option<Pid>);

impl Group {
    /// The group of a child that leads its own group and has not been waited for yet.
    pub(super) fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0.take() {
            // Usually no process is left.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
