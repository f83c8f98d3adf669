//! The progress of a pipeline, for readers on other threads.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    assemble::Step,
    incident::{Incident, Role},
};

/// Counts that the tracing thread stores and any thread can read. None of them depends on a filter.
#[derive(Debug, Default)]
pub struct Progress {
    frames: AtomicU64,
    lost_frames: AtomicU64,
    kernel_kills: AtomicU64,
}

impl Progress {
    /// Returns the number of frames so far, including context frames.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Acquire)
    }

    /// Returns the number of frames that were lost because the ring was full.
    #[must_use]
    pub fn lost_frames(&self) -> u64 {
        self.lost_frames.load(Ordering::Acquire)
    }

    /// Returns the number of processes that the kernel killed in closed incidents. It counts like `oom_kill` in `/proc/vmstat`:
    /// one for each process that was chosen or belongs to the chosen cgroup.
    /// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L938>
    #[must_use]
    pub fn kernel_kills(&self) -> u64 {
        self.kernel_kills.load(Ordering::Acquire)
    }

    /// Stores the totals of the stream.
    pub(super) fn store(&self, frames: u64, lost_frames: u64) {
        self.frames.store(frames, Ordering::Release);
        self.lost_frames.store(lost_frames, Ordering::Release);
    }

    /// Counts the kills of the incidents that these steps close.
    pub(super) fn count(&self, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Closed(incident) => {
                    self.kernel_kills.fetch_add(kernel_kills(incident), Ordering::Release);
                }
                Step::Decided(_) => {}
            }
        }
    }
}

/// Counts the kills of one incident. If the decision was not recorded, each mark counts as a kill.
fn kernel_kills(incident: &Incident) -> u64 {
    let is_kill = |victim: &&crate::incident::Victim| {
        matches!(victim.role, Role::Chosen | Role::Group) && (victim.killed || incident.pass.is_none())
    };
    let kills = incident.victims.iter().filter(is_kill).count();
    if incident.user_kill.is_some() { 0 } else { u64::try_from(kills).unwrap_or(u64::MAX) }
}

#[cfg(test)]
mod tests {
    use super::{Role, kernel_kills};
    use crate::incident::{Incident, Task, UserKill, Victim};

    fn victim(role: Role, killed: bool) -> Victim {
        Victim { killed, ..Victim::new(Task::default(), role) }
    }

    #[test]
    fn counts_kills_like_vmstat() {
        let victims = vec![
            victim(Role::Chosen, true),
            victim(Role::Group, true),
            victim(Role::SharedMm, false),
            victim(Role::PidNamespace, false),
        ];
        let seen = Incident { pass: Some(1), victims, ..Incident::default() };
        assert_eq!(kernel_kills(&seen), 2);
        let marked =
            Incident { pass: Some(1), victims: vec![victim(Role::Chosen, false)], ..Incident::default() };
        assert_eq!(kernel_kills(&marked), 0);
        let inferred = Incident { pass: None, ..marked.clone() };
        assert_eq!(kernel_kills(&inferred), 1);
        let by_user = Incident { user_kill: Some(UserKill::default()), ..inferred };
        assert_eq!(kernel_kills(&by_user), 0);
    }
}
