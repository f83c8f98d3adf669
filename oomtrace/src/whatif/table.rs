//! Builds the table of candidates before and after the change.

use super::{
    Decision, Row, Vote,
    step::{before::path, recorded::Recorded, vote::Recount},
    words,
};
use crate::incident::{Incident, PassedOver};

/// Returns all candidates, best first after the change.
pub(super) fn rows(
    recorded: &Recorded<'_>,
    rows: &[Recount<'_>],
    before: &Decision,
    after: &Decision,
) -> Vec<Row> {
    let mut order: Vec<(usize, &Recount<'_>)> = rows.iter().enumerate().collect();
    order.sort_by_key(|(index, row)| {
        let (points, index) = (row.points, i64::try_from(*index).unwrap_or(i64::MAX));
        (std::cmp::Reverse(points), if points.is_some() { -index } else { index })
    });
    order.into_iter().map(|(_, candidate)| row(recorded.incident, candidate, before, after)).collect()
}

fn row(incident: &Incident, row: &Recount<'_>, before: &Decision, after: &Decision) -> Row {
    let task = &row.candidate.task;
    let dies = |decision: &Decision| decision.victims.iter().any(|victim| victim.pid == task.pid);
    let passed_over = |why: Option<PassedOver>| why.map(PassedOver::name);
    Row {
        pid: task.pid,
        comm: words::comm(task),
        cgroup: path(incident, task),
        estimated: row.estimated,
        before: Vote {
            oom_score_adj: task.oom_score_adj,
            points: row.candidate.points,
            passed_over: passed_over(row.candidate.passed_over),
            dies: dies(before),
        },
        after: Vote {
            oom_score_adj: row.adj,
            points: row.points,
            passed_over: passed_over(row.passed_over),
            dies: dies(after),
        },
    }
}
