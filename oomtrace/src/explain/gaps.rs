//! The gaps of an incident: facts that belong to it and are known to be missing. Each gap is listed and lowers the verdict's
//! confidence.

use crate::{
    attribute::cgroup,
    incident::{Ballot, ClosedBy, Incident, Task},
};

use super::survivors;

/// The gaps, in words. That an incident is still open is not a gap.
pub(super) fn gaps(incident: &Incident) -> Vec<String> {
    let mut gaps = Vec::new();
    if incident.lost_frames > 0 {
        gaps.push(format!("{} while the incident was open", lost(incident.lost_frames)));
    }
    if incident.pass.is_some() && !incident.is_empty_run() {
        gaps.extend(of_pass(incident));
    }
    gaps.extend(of_ballot(incident));
    if incident.unreported_kills > 0 {
        let kills = if incident.unreported_kills == 1 { "OOM kill" } else { "OOM kills" };
        gaps.push(format!(
            "{} more {kills} could not be reported: all their frames were lost",
            incident.unreported_kills
        ));
    }
    if let Some(left_out) = incident.user_kill.as_ref().map(|kill| kill.left_out).filter(|count| *count > 0) {
        gaps.push(format!("{left_out} signals from user space were too frequent to be reported one by one"));
    }
    if incident.closed_by == Some(ClosedBy::EndOfStream) {
        gaps.extend(cut_off(incident));
    }
    if has_unknown_path(incident) {
        gaps.push("the path of a cgroup could not be read completely".to_owned());
    }
    gaps
}

fn lost(frames: u64) -> String {
    if frames == 1 { "1 frame was lost".to_owned() } else { format!("{frames} frames were lost") }
}

/// Victims that had not exited when the stream ended.
fn cut_off(incident: &Incident) -> Option<String> {
    let alive = survivors::count_alive(incident);
    let victims = if alive == 1 { "victim" } else { "victims" };
    (alive > 0).then(|| format!("the stream ended before the exit of {alive} {victims}"))
}

fn of_pass(incident: &Incident) -> Vec<String> {
    let mut gaps = Vec::new();
    if incident.request.is_none() {
        gaps.push("the beginning of the pass was not seen".to_owned());
    }
    let Some(returned) = &incident.returned else {
        gaps.push("the end of the pass was not seen".to_owned());
        return gaps;
    };
    if returned.kills > 0 && incident.choice.is_none() {
        gaps.push("the choice of the victim was not seen".to_owned());
    }
    if returned.kills > incident.kill_frames {
        gaps.push(format!("{} of {} kills were seen", incident.kill_frames, returned.kills));
    }
    if returned.marks > incident.mark_frames {
        gaps.push(format!("{} of {} marks were seen", incident.mark_frames, returned.marks));
    }
    gaps
}

/// Whether the table of candidates is complete, if there should be one. Old recordings have no table, and their session does
/// not list the hook on `oom_badness`.
fn of_ballot(incident: &Incident) -> Option<String> {
    let session = incident.session.as_ref()?;
    // An earlier report of the same run had it.
    if incident.told_before > 0 {
        return None;
    }
    let has_table = session.hooks.iter().any(|hook| hook.name == "oom_badness");
    let evaluated = evaluated(incident).filter(|_| has_table && session.has_hook("oom_evaluate_task"))?;
    let evaluated_rows = incident.ballot.as_ref().map_or(0, Ballot::evaluated);
    (evaluated_rows < u64::from(evaluated))
        .then(|| format!("{evaluated_rows} of {evaluated} candidates were seen"))
}

/// Number of tasks that the kernel examined, from its own count and not from the table.
fn evaluated(incident: &Incident) -> Option<u32> {
    let returned = incident.returned.as_ref().map(|returned| returned.evaluated);
    let chosen = incident.choice.as_ref().map(|choice| choice.evaluated);
    let empty = incident.empty.filter(|_| incident.is_empty_run()).map(|passes| passes.evaluated);
    returned.or(chosen).or(empty)
}

/// If passes are not seen, the tracepoint sends only the pid of a further victim; its cgroup is then not expected.
fn has_unknown_path(incident: &Incident) -> bool {
    let named = |task: &Task| task.memcg;
    let marked = incident
        .victims
        .iter()
        .filter(|victim| victim.killed || (victim.marked && victim.task.flags.is_some()));
    let tasks = marked.map(|victim| &victim.task).chain(&incident.trigger);
    let mut ids = tasks.filter_map(named).chain(incident.domain());
    ids.any(|id| cgroup::path(&incident.memcgs, id).is_none())
}
