//! The time after a kill: user space may kill the processes that remain in the victim's cgroup.

use super::{
    Assembler, Step,
    userspace::{PAUSE_NS, REACTION_NS},
};
use crate::{
    cgroup,
    context::Afterwards,
    incident::{Followed, Incident, SIGKILL, Victim},
};

/// Maximum number of incidents that wait for such signals. If there are more, the oldest ones are reported at once.
const AWAITED: usize = 64;

/// Maximum number of acts of user space that an incident keeps.
const FOLLOWED: usize = 16;

/// Maximum number of processes that an incident keeps for each of these acts.
const PROCESSES: usize = 64;

impl Assembler {
    /// Reports a finished incident, either now or after the time in which user space may react.
    pub(super) fn end(&mut self, incident: Incident, steps: &mut Vec<Step>) {
        // Report the incidents that have waited long enough first.
        self.expire_awaited(steps);
        let killed = incident.victims.iter().any(|victim| victim.sigkill_ns.is_some());
        if !killed || self.blind_to_signals || awaited_until(&incident) <= self.now_ns {
            return self.tell_end(incident, steps);
        }
        self.awaited.push_back(incident);
        if self.awaited.len() > AWAITED
            && let Some(oldest) = self.awaited.pop_front()
        {
            self.tell_end(oldest, steps);
        }
    }

    fn tell_end(&mut self, mut incident: Incident, steps: &mut Vec<Step>) {
        incident.unreported_kills =
            incident.unreported_kills.saturating_add(std::mem::take(&mut self.untold_kills));
        count_once(&mut incident);
        steps.push(Step::Closed(Box::new(self.completed(incident))));
    }

    /// Time at which the next waiting incident is reported at the latest, `CLOCK_BOOTTIME` ns.
    pub(super) fn awaited_deadline_ns(&self) -> Option<u64> {
        self.awaited.iter().filter(|incident| !self.is_being_followed(incident)).map(awaited_until).min()
    }

    /// Reports the incidents that have waited long enough.
    pub(super) fn expire_awaited(&mut self, steps: &mut Vec<Step>) {
        while let Some(index) = self
            .awaited
            .iter()
            .position(|incident| awaited_until(incident) <= self.now_ns && !self.is_being_followed(incident))
        {
            if let Some(incident) = self.awaited.remove(index) {
                self.tell_end(incident, steps);
            }
        }
    }

    /// Reports all waiting incidents, because the stream has ended.
    pub(super) fn end_awaited(&mut self, steps: &mut Vec<Step>) {
        while let Some(incident) = self.awaited.pop_front() {
            self.tell_end(incident, steps);
        }
    }

    /// Whether an act of user space that follows the incident is still going on.
    fn is_being_followed(&self, incident: &Incident) -> bool {
        let follows = |burst: &Incident| burst.user_kill.as_ref().and_then(|kill| kill.follows);
        self.bursts
            .iter()
            .any(|burst| !burst.decided && follows(burst) == Some((incident.boot_ns, incident.pass)))
    }

    /// Adds what became of a victim's cgroup to the latest incident with that victim.
    pub(super) fn take_afterwards(&mut self, pass: Option<u64>, told: Afterwards) {
        let is_it = |incident: &&mut Incident| {
            incident.pass == pass
                && incident.user_kill.is_none()
                && incident.afterwards.is_none()
                && incident.chosen().is_some_and(|victim| {
                    victim.task.memcg == Some(told.memcg) && victim.task.pid == told.victim_pid
                })
        };
        if let Some(incident) = self.awaited.iter_mut().chain(&mut self.open).rev().find(is_it) {
            incident.afterwards = Some(told);
        }
    }

    /// Adds a finished act of user space to the decision that it follows.
    pub(super) fn add_followed(&mut self, burst: &Incident) {
        let Some(follows) = burst.user_kill.as_ref().and_then(|kill| kill.follows) else { return };
        let is_it = |incident: &&mut Incident| (incident.boot_ns, incident.pass) == follows;
        let Some(incident) = self.awaited.iter_mut().chain(&mut self.open).find(is_it) else { return };
        let Some(act) = followed(burst) else { return };
        if let Some(known) = incident.followed.iter_mut().find(|known| goes_on(known, &act)) {
            known.count = known.count.saturating_add(act.count);
            known.last_ns = act.last_ns;
            known.processes.extend(act.processes);
            known.processes.truncate(PROCESSES);
        } else if incident.followed.len() < FOLLOWED {
            incident.followed.push(act);
            for (id, memcg) in &burst.memcgs {
                incident.memcgs.entry(*id).or_insert(*memcg);
            }
        }
    }
}

/// Takes the kernel's own victims out of the acts that follow. A service manager may send SIGKILL while the kernel still works through a
/// group, so a process can be killed by both.
fn count_once(incident: &mut Incident) {
    let mut followed = std::mem::take(&mut incident.followed);
    for act in followed.iter_mut().filter(|act| act.signal == SIGKILL) {
        let named = act.processes.len();
        act.processes.retain(|process| !incident.has_victim(process));
        act.count = act.count.saturating_sub((named - act.processes.len()) as u64);
    }
    followed.retain(|act| act.count > 0);
    incident.followed = followed;
}

/// Whether an act continues a known act after a pause.
fn goes_on(known: &Followed, act: &Followed) -> bool {
    let same_sender = known.sender.is_same_process(&act.sender);
    let same_signal = known.signal == act.signal && known.method == act.method;
    let same_place = known.memcg.is_some() && known.memcg == act.memcg;
    same_sender && same_signal && same_place && act.boot_ns.saturating_sub(known.last_ns) < PAUSE_NS
}

fn awaited_until(incident: &Incident) -> u64 {
    incident.last_ns.saturating_add(REACTION_NS)
}

fn followed(burst: &Incident) -> Option<Followed> {
    let kill = burst.user_kill.as_ref()?;
    let targets = || burst.victims.iter().map(|victim: &Victim| &victim.task);
    Some(Followed {
        sender: burst.trigger.clone()?,
        signal: kill.signal,
        method: kill.method,
        boot_ns: burst.boot_ns,
        last_ns: burst.last_ns,
        memcg: common(burst),
        count: kill.count(burst.victims.len()),
        processes: targets().take(PROCESSES).cloned().collect(),
    })
}

/// Returns the innermost cgroup that contains all targets.
fn common(burst: &Incident) -> Option<u64> {
    let leaves = burst.victims.iter().map(|victim| victim.task.memcg).collect::<Option<Vec<u64>>>()?;
    let above = |leaf: u64| cgroup::chain(&burst.memcgs, leaf).into_iter().map(|memcg| memcg.id);
    let first = *leaves.first()?;
    if leaves.iter().all(|leaf| *leaf == first) {
        return Some(first);
    }
    above(first).find(|level| leaves.iter().all(|leaf| above(*leaf).any(|own| own == *level)))
}
