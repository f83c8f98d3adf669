//! Kills that their sender announced.

use std::rc::Rc;

use super::Assembler;
use crate::{
    context::Prekill,
    incident::{Incident, SIGKILL},
};

/// Maximum time from an announcement to the first signal, ns. systemd-oomd waits for the replies of all its hooks, and its
/// administrator chooses for how long.
const PREKILL_NS: u64 = 30_000_000_000;

/// Maximum number of announcements that wait for their kill. A further one replaces the oldest.
const PREKILLS: usize = 64;

impl Assembler {
    /// Takes an announcement, or the snapshot of an earlier one.
    pub(super) fn take_prekill(&mut self, told: Prekill) {
        let told = Rc::new(told);
        let kept = self.bursts.iter_mut().filter_map(|burst| burst.prekill.as_mut());
        if let Some(known) = kept.chain(&mut self.prekills).find(|known| known.is_same(&told)) {
            if told.snapshot.is_some() {
                *known = told;
            }
            return;
        }
        if self.prekills.len() >= PREKILLS {
            self.prekills.pop_front();
        }
        self.prekills.push_back(told);
    }

    /// Adds the announcement of a burst, and forgets it. An announcement belongs to one burst only.
    pub(super) fn join_prekill(&mut self, burst: &mut Incident) {
        self.prekills.retain(|prekill| self.now_ns.saturating_sub(prekill.announced_ns) < 2 * PREKILL_NS);
        let is_kill = burst.user_kill.as_ref().is_some_and(|kill| kill.signal == SIGKILL);
        if burst.prekill.is_some() || !is_kill {
            return;
        }
        let first = burst.victims.first().and_then(|victim| victim.task.memcg);
        let Some(above) = self.levels_of(first) else { return };
        // If one was announced twice, the later announcement is the one that the killer acted on.
        let found = self.prekills.iter().rposition(|prekill| announces(prekill, burst, &above));
        burst.prekill = found.and_then(|index| self.prekills.remove(index));
    }
}

/// Whether an announcement is about a burst: its sender announced it shortly before, for the first victim's cgroup or one above it.
fn announces(prekill: &Prekill, burst: &Incident, above: &[u64]) -> bool {
    let sender = burst.trigger.as_ref().and_then(|sender| sender.pid);
    let in_time = burst.boot_ns.checked_sub(prekill.announced_ns).is_some_and(|ns| ns < PREKILL_NS);
    let by_sender = prekill.pid.is_some_and(|pid| sender == Some(pid));
    in_time && by_sender && prekill.memcg.is_some_and(|memcg| above.contains(&memcg))
}
