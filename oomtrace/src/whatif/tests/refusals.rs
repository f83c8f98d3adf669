//! Tests of questions that a recording cannot answer.

use oomtrace_common::event::{Emptiness, EmptyPasses, OutOfMemory};

use super::example::{LIMIT, PODS, adj, dead, decide, in_pods, refuse};
use crate::{
    incident::Incident,
    whatif::{Change, Refusal},
};

#[test]
fn refuses_without_a_table() {
    let mut incident = in_pods();
    incident.ballot = None;
    assert_eq!(refuse(&incident, &[adj("redis=1")]), Refusal::NoBallot);
    incident.request = None;
    assert_eq!(refuse(&incident, &[adj("redis=1")]), Refusal::NoBeginning);
    incident.pass = None;
    assert_eq!(refuse(&incident, &[adj("redis=1")]), Refusal::NotSeen);
}

#[test]
fn refuses_an_incomplete_table() {
    let mut incident = in_pods();
    incident.ballot.as_mut().unwrap().candidates.pop();
    assert_eq!(refuse(&incident, &[adj("redis=1")]), Refusal::RowsLost { missing: 1, evaluated: 6 });
    let mut incident = in_pods();
    incident.ballot.as_mut().unwrap().candidates[0].points = Some(3);
    assert!(matches!(refuse(&incident, &[adj("redis=1")]), Refusal::Disagrees { .. }));
    let mut incident = in_pods();
    for candidate in &mut incident.ballot.as_mut().unwrap().candidates {
        candidate.points = None;
    }
    assert_eq!(refuse(&incident, &[adj("redis=1")]), Refusal::NoPoints);
}

/// The recording looks like this on a kernel whose `oom_badness` cannot be hooked: the chosen tasks have `oc->chosen_points`, and
/// the others have no points.
#[test]
fn refuses_a_vote_if_points_are_missing() {
    let mut incident = in_pods();
    let chosen = incident.choice.as_ref().unwrap().task.pid;
    for candidate in &mut incident.ballot.as_mut().unwrap().candidates {
        candidate.points = candidate.points.filter(|_| candidate.task.pid == chosen);
    }
    let protected = adj(&format!("{}=-1000", chosen.unwrap()));
    assert!(matches!(refuse(&incident, &[protected]), Refusal::NoPoints));
}

#[test]
fn refuses_if_left_out_candidates_could_win_or_are_selected() {
    let mut incident = in_pods();
    let ballot = incident.ballot.as_mut().unwrap();
    (ballot.left_out, ballot.left_out_points) = (7, Some(4_000));
    incident.choice.as_mut().unwrap().evaluated = 13;
    assert_eq!(dead(&decide(&incident, &[adj("901=-1000")])), [812]);
    let both = [adj("901=-1000"), adj("812=-1000")];
    assert!(matches!(refuse(&incident, &both), Refusal::LeftOut { left_out: 7, .. }));
    for change in [adj("redis=1"), adj("/pods=1"), Change::oom_group("/pods=1").unwrap()] {
        assert!(matches!(refuse(&incident, &[change]), Refusal::LeftOut { .. }));
    }
    let answer = decide(&incident, &[adj("812=-1000")]);
    assert_eq!((answer.after.margin_points, answer.after.runner_up_pid), (Some(5_003), None));
    incident.ballot.as_mut().unwrap().left_out_points = None;
    assert_eq!(dead(&decide(&incident, &both)), [950]);
}

#[test]
fn refuses_to_change_unknown_tasks() {
    for typed in ["nobody=5", "4=5", "/elsewhere=5"] {
        let refusal = refuse(&in_pods(), &[adj(typed)]);
        assert!(matches!(refusal, Refusal::UnknownTask { .. }), "{typed}: {refusal}");
    }
    let mut incident = in_pods();
    for candidate in &mut incident.ballot.as_mut().unwrap().candidates {
        candidate.task.memcg = None;
    }
    assert!(matches!(refuse(&incident, &[adj("/pods/app=5")]), Refusal::CgroupUnknown { .. }));
    assert_eq!(dead(&decide(&incident, &[adj("/pods=5")])), [901], "all are in the domain");
}

/// Builds a pass that killed no process.
fn empty(emptiness: Emptiness, total_pages: u64) -> Incident {
    let mut incident = in_pods();
    incident.empty = Some(EmptyPasses {
        memcg: PODS,
        first_ns: 1,
        last_ns: 2,
        count: 3,
        emptiness: emptiness as u32,
        pid: 950,
        tid: 950,
        order: 0,
        gfp_mask: 0xcc0,
        flags: OutOfMemory::MEMCG,
        evaluated: 4,
        constraint: 3,
        total_pages,
    });
    (incident.choice, incident.request, incident.trigger) = (None, None, None);
    incident.victims.clear();
    incident
}

#[test]
fn finds_a_victim_where_no_task_could_be_killed() {
    let mut incident = empty(Emptiness::NothingToKill, LIMIT);
    let ballot = incident.ballot.as_mut().unwrap();
    ballot.candidates = ballot.candidates.split_off(2);
    ballot.candidates.truncate(1);
    ballot.kernel_threads = 3;
    let answer = decide(&incident, &[adj("agent=0")]);
    assert_eq!((dead(&answer), answer.estimated), (vec![33], true));
    assert_eq!(dead(&decide(&incident, &[adj("agent=-1000")])), Vec::<i32>::new());
}

#[test]
fn refuses_if_the_kernel_examined_no_task() {
    let cases = [
        (Emptiness::NothingToKill, 0),
        (Emptiness::VictimDying, LIMIT),
        (Emptiness::TriggerDying, 0),
        (Emptiness::Nothing, 0),
    ];
    for (emptiness, total_pages) in cases {
        let refusal = refuse(&empty(emptiness, total_pages), &[adj("agent=0")]);
        assert!(matches!(refusal, Refusal::NobodyChosen { .. }), "{emptiness:?}: {refusal}");
    }
    let mut marked_only = in_pods();
    marked_only.choice = None;
    assert!(matches!(refuse(&marked_only, &[adj("redis=0")]), Refusal::NobodyChosen { .. }));
}
