//! What a killer in user space did to its victims: it sent SIGKILL, or SIGTERM, or SIGKILL after SIGTERM.

use super::words::duration;
use crate::incident::{Incident, UserKill, Victim};

/// What the sender did. `whom` names the victims.
pub(super) fn deed(incident: &Incident, whom: &str) -> String {
    if !is_sigterm(incident) {
        return format!("killed {whom}");
    }
    let killed: Vec<u64> = incident.victims.iter().filter_map(|victim| victim.sigkill_ns).collect();
    let Some(first) = killed.iter().min() else { return format!("told {whom} to exit (SIGTERM)") };
    let after = duration(first.saturating_sub(incident.boot_ns));
    if killed.len() == incident.victims.len() {
        format!("killed {whom} (SIGTERM, and SIGKILL {after} later)")
    } else {
        format!("told {whom} to exit (SIGTERM, and SIGKILL to {} of them {after} later)", killed.len())
    }
}

/// A clause about processes that had not exited when the incident was closed.
pub(super) fn survivors(incident: &Incident) -> Option<String> {
    let over = is_sigterm(incident) && incident.closed_by.is_some() && incident.lost_frames == 0;
    let alive = |victim: &&Victim| victim.exit_ns.is_none();
    let count = incident.victims.iter().filter(alive).count();
    let who = match (count, incident.victims.len()) {
        (0, _) => return None,
        (_, 1) => "it".to_owned(),
        (count, all) => format!("{count} of {all}"),
    };
    over.then(|| format!("; {who} had not exited when the incident was closed"))
}

fn is_sigterm(incident: &Incident) -> bool {
    incident.user_kill.as_ref().is_some_and(UserKill::is_sigterm_of_killer)
}
