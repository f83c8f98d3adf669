//! Builds the ballot of an incident from the chunks of the candidate table.

use oomtrace_common::{event as wire, limits::TABLE_ROWS};

use super::Assembler;
use crate::{
    badness,
    bytes::ByteString,
    event::Candidates,
    incident::{Ballot, Candidate, Counters, Incident, PassedOver, Task},
};

/// The kernel's value for "no points".
const NO_POINTS: i64 = i64::MIN;

/// Maximum number of rows in a whole table. Further rows cannot belong to one pass.
#[expect(clippy::as_conversions, reason = "a few thousand, in a constant")]
const ROWS_MAX: usize = TABLE_ROWS as usize;

impl Assembler {
    /// Takes rows of a pass. The rows of a pass that kills no process arrive before the pass is reported.
    pub(super) fn take_candidates(&mut self, pass: Option<u64>, table: &Candidates) {
        let Some(pass) = pass else { return };
        match self.open.iter_mut().find(|incident| incident.pass == Some(pass)) {
            Some(incident) => add(incident.ballot.get_or_insert_default(), table),
            None => add(self.memory.ballot_of(pass), table),
        }
    }
}

/// Adds the next rows and the counts. Every chunk has the counts for the whole table.
fn add(ballot: &mut Ballot, table: &Candidates) {
    let head = &table.head;
    ballot.kernel_threads = head.kernel_threads;
    ballot.left_out = head.left_out;
    ballot.left_out_points =
        (head.left_out_points != NO_POINTS && head.left_out > 0).then_some(head.left_out_points);
    ballot.badness_seen |= table.rows.iter().any(|row| has(row, wire::Candidate::POINTS));
    let room = ROWS_MAX.saturating_sub(ballot.candidates.len());
    ballot.candidates.extend(table.rows.iter().take(room).map(Candidate::from));
}

/// Completes the ballot with facts that need the whole incident.
/// A task is not eligible if the kernel did not compute its points although nothing else prevented that.
/// For a decision in a cgroup, the kernel does not check which nodes a task may use. With a single node, every task may use
/// it. In both cases, missing points mean that they were not seen.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L318>
pub(super) fn complete(incident: &mut Incident) {
    complete_trigger(incident);
    let machine = incident.request.is_some_and(|request| request.memcg.is_none());
    let nodes = incident.session.as_ref().and_then(|session| session.memory_nodes);
    let asked = machine && nodes != Some(1);
    let Some(ballot) = incident.ballot.as_mut().filter(|ballot| asked && ballot.badness_seen) else {
        return;
    };
    for candidate in &mut ballot.candidates {
        if candidate.points.is_none() {
            candidate.passed_over.get_or_insert(PassedOver::NotEligible);
        }
    }
}

/// Completes the trigger. For a run of empty passes the kernel sends the trigger's numbers only; its row has the rest.
fn complete_trigger(incident: &mut Incident) {
    let Some(trigger) = incident.trigger.as_mut().filter(|trigger| trigger.comm.is_none()) else { return };
    let rows = incident.ballot.iter().flat_map(|ballot| &ballot.candidates);
    if let Some(row) = rows.map(|row| &row.task).find(|task| task.pid == trigger.pid) {
        trigger.complete_from(row);
        // A row describes the process. The thread may have another name.
        if trigger.tid != trigger.pid {
            (trigger.leader_comm, trigger.comm) = (trigger.comm.take(), None);
        }
    }
}

impl From<&wire::Candidate> for Candidate {
    fn from(row: &wire::Candidate) -> Self {
        let has_points = has(row, wire::Candidate::POINTS) || has(row, wire::Candidate::CHOSEN);
        let points = (has_points && row.points != NO_POINTS).then_some(row.points);
        Self { task: task(row), points, passed_over: if points.is_some() { None } else { passed_over(row) } }
    }
}

/// Returns the reason that the task itself shows.
/// The kernel checks three of the reasons in one condition. `oom_score_adj` comes last among them here, so that it is named
/// only if another value would have made a difference.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L220> (`oom_badness`)
fn passed_over(row: &wire::Candidate) -> Option<PassedOver> {
    if row.pid == 1 {
        Some(PassedOver::Init)
    } else if row.returned != 0 {
        Some(PassedOver::AlreadyVictim)
    } else if has(row, wire::Candidate::OOM_SKIP) {
        Some(PassedOver::OomSkip)
    } else if has(row, wire::Candidate::IN_VFORK) {
        Some(PassedOver::InVfork)
    } else if has(row, wire::Candidate::OOM_SCORE_ADJ) && row.oom_score_adj == badness::ADJ_MIN {
        Some(PassedOver::AdjMin)
    } else if !has(row, wire::Candidate::MEMORY) || has(row, wire::Candidate::POINTS) {
        // `LONG_MIN` without any of the other reasons: its last thread had just released the memory.
        Some(PassedOver::NoMemory)
    } else {
        None
    }
}

fn task(row: &wire::Candidate) -> Task {
    Task {
        pid: Some(row.pid),
        tid: Some(row.pid),
        comm: Some(ByteString::until_nul(&row.comm)),
        uid: has(row, wire::Candidate::UID).then_some(row.uid),
        start_boot_ns: (row.start_boot_ns != 0).then_some(row.start_boot_ns),
        oom_score_adj: has(row, wire::Candidate::OOM_SCORE_ADJ).then_some(row.oom_score_adj),
        memcg: (row.memcg != 0).then_some(row.memcg),
        memory: has(row, wire::Candidate::MEMORY).then(|| Counters::from(row)),
        ..Task::default()
    }
}

const fn has(row: &wire::Candidate, bit: u32) -> bool {
    row.present & bit != 0
}
