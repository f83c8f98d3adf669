//! Processes that die with the init process of a pid namespace.
//! When it exits, the init process sends SIGKILL to all of them and waits until they have exited.
//! <https://github.com/torvalds/linux/blob/v6.12/kernel/pid_namespace.c> (`zap_pid_ns_processes`)

use oomtrace_common::event::Sigkill;

use super::{
    Assembler,
    kill::{target, upsert},
};
use crate::incident::{Incident, Role, Victim};

/// `TRACE_SIGNAL_DELIVERED`: the target was not already dying.
/// <https://github.com/torvalds/linux/blob/v6.12/include/trace/events/signal.h>
const DELIVERED: i32 = 0;

impl Assembler {
    /// Takes a SIGKILL from outside of a pass if a dying init process sent it. Returns whether it did.
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

    /// Whether further processes may die with a victim: a victim is an init process, and signals are seen.
    pub(super) fn may_take_namespace_along(&self, incident: &Incident) -> bool {
        !self.blind_to_signals && incident.victims.iter().any(is_init)
    }
}

/// Whether the sender is a victim that is tearing down its pid namespace.
/// On tiers that do not see passes, this is assumed only of a sender that has exited. Before that, it may be the trigger,
/// which kills other processes because they share its memory.
fn has_dying_init(incident: &Incident, sender_pid: i32) -> bool {
    let is_sender = |victim: &&Victim| victim.task.pid == Some(sender_pid) && is_init(victim);
    let tears_down = |victim: &Victim| incident.pass.is_some() || victim.exit_ns.is_some();
    incident.victims.iter().find(is_sender).is_some_and(tears_down)
}

/// Whether a victim is the first process of its pid namespace.
/// A tracer that dies may send the same signal to its tracees (`PTRACE_O_EXITKILL`). A sender is therefore an init process
/// only if that is known.
fn is_init(victim: &Victim) -> bool {
    victim.task.ns_pid == Some(1)
}
