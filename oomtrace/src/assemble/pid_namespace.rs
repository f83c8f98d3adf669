//! The processes that die with the init of a pid namespace: on its exit it sends SIGKILL to all of them and
//! waits until they have exited. <https://github.com/torvalds/linux/blob/v6.12/kernel/pid_namespace.c>
//! (`zap_pid_ns_processes`)

use oomtrace_common::event::Sigkill;

use super::{
    Assembler,
    kill::{target, upsert},
};
use crate::incident::{Incident, Role, Victim};

/// `TRACE_SIGNAL_DELIVERED`: the target was not dying already.
/// <https://github.com/torvalds/linux/blob/v6.12/include/trace/events/signal.h>
const DELIVERED: i32 = 0;

impl Assembler {
    /// Takes a SIGKILL that came from no pass, if a dying init sent it. Whether it did.
    pub(super) fn take_namespace_kill(&mut self, boot_ns: u64, kill: &Sigkill) -> bool {
        let Some(incident) = self.open.iter_mut().find(|incident| has_dying_init(incident, kill.sender_pid))
        else {
            return false;
        };
        let task = target(kill);
        if kill.result == DELIVERED && !incident.has_victim(&task) {
            upsert(incident, &task, Role::PidNamespace).sigkill_ns = Some(boot_ns);
        }
        incident.last_ns = incident.last_ns.max(boot_ns);
        true
    }

    /// Whether others may still die with a victim: it is an init, and signals are seen.
    pub(super) fn may_take_namespace_along(&self, incident: &Incident) -> bool {
        !self.blind_to_signals && incident.victims.iter().any(is_init)
    }
}

/// Whether that process is a victim and tears its pid namespace down. Where passes are not seen, only a sender that
/// has exited does that: before, it may be the trigger that kills others for sharing its memory.
fn has_dying_init(incident: &Incident, sender_pid: i32) -> bool {
    let is_sender = |victim: &&Victim| victim.task.pid == Some(sender_pid) && is_init(victim);
    let tears_down = |victim: &Victim| incident.pass.is_some() || victim.exit_ns.is_some();
    incident.victims.iter().find(is_sender).is_some_and(tears_down)
}

/// Whether a victim is the first process of its pid namespace. A tracer that dies may send the same signal to its
/// tracees (`PTRACE_O_EXITKILL`), so that a sender that is not known to be an init is none.
fn is_init(victim: &Victim) -> bool {
    victim.task.ns_pid == Some(1)
}
