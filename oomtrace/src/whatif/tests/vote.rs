//! Tests of another `oom_score_adj`.

use super::example::{LIMIT, adj, dead, decide, in_pods, on_the_machine, refuse};
use crate::{
    explain::{Outcome, Policy},
    whatif::Refusal,
};

#[test]
fn exchanges_one_term_of_the_kernels_points() {
    let answer = decide(&in_pods(), &[adj("redis=500")]);
    assert_eq!((answer.before.points, answer.before.margin_points), (Some(9_003), Some(4_000)));
    assert_eq!(answer.before.runner_up_pid, Some(812));
    // The kernel counted 5 003 pages, and the counters say 5 000. Each point of `oom_score_adj` is worth 16 pages.
    assert_eq!(answer.after.points, Some(5_003 + 500 * 16));
    assert_eq!((answer.after.margin_points, answer.after.runner_up_pid), (Some(4_000), Some(901)));
    assert_eq!((answer.after.policy, answer.after.outcome), (Some(Policy::Badness), Some(Outcome::Killed)));
    assert_eq!((dead(&answer), answer.estimated), (vec![812], false));
    assert_eq!(answer.after.total_pages, Some(LIMIT));
    let order: Vec<_> = answer.candidates.iter().map(|row| (row.pid.unwrap(), row.after.dies)).collect();
    assert_eq!(order, [(812, true), (901, false), (950, false), (33, false)]);
    assert!(answer.candidates[1].before.dies);
}

#[test]
fn selects_tasks_by_pid_name_and_cgroup() {
    let incident = in_pods();
    assert_eq!(dead(&decide(&incident, &[adj("901=-1000")])), [812]);
    assert_eq!(dead(&decide(&incident, &[adj("/pods/app=-1000")])), [812]);
    assert_eq!(dead(&decide(&incident, &[adj("/pods/app/=-400")])), [812]);
    assert_eq!(dead(&decide(&incident, &[adj("/=7")])), [901], "the same for all");
    // The last change counts.
    assert_eq!(dead(&decide(&incident, &[adj("901=-1000"), adj("python=0")])), [901]);
}

#[test]
fn estimates_points_of_a_protected_task_and_marks_them() {
    let answer = decide(&in_pods(), &[adj("agent=1000")]);
    assert_eq!((dead(&answer), answer.estimated), (vec![33], true));
    assert_eq!(answer.after.points, Some(100 + 1000 * 16));
    assert!(answer.candidates[0].estimated && !answer.candidates[1].estimated);
    let mut incident = in_pods();
    incident.ballot.as_mut().unwrap().candidates[2].task.memory = None;
    assert!(matches!(refuse(&incident, &[adj("agent=0")]), Refusal::CountersUnknown { .. }));
    // A protected task that stays protected needs no counters.
    assert_eq!(dead(&decide(&incident, &[adj("agent=-1000"), adj("redis=900")])), [812]);
}

#[test]
fn kills_no_process_if_all_are_protected() {
    let answer = decide(&in_pods(), &[adj("/=-1000")]);
    assert_eq!(answer.after.outcome, Some(Outcome::NoKill));
    assert_eq!((answer.after.policy, dead(&answer)), (Some(Policy::NoneKillable), vec![]));
}

#[test]
fn kills_the_later_of_two_equal_tasks() {
    let mut incident = in_pods();
    let candidates = &mut incident.ballot.as_mut().unwrap().candidates;
    candidates[1].points = Some(9_003 - 16);
    let answer = decide(&incident, &[adj("redis=1")]);
    assert_eq!((dead(&answer), answer.after.margin_points), (vec![812], Some(0)));
    incident.ballot.as_mut().unwrap().candidates.swap(0, 1);
    let answer = decide(&incident, &[adj("redis=1")]);
    assert_eq!((dead(&answer), answer.after.margin_points), (vec![901], Some(0)));
}

#[test]
fn keeps_a_task_with_oom_flag_origin_first() {
    let mut incident = in_pods();
    let ballot = incident.ballot.as_mut().unwrap();
    ballot.candidates[1].points = Some(i64::MAX);
    let choice = incident.choice.as_mut().unwrap();
    (choice.task, choice.points) = (ballot.candidates[1].task.clone(), i64::MAX);
    incident.victims[0].task = choice.task.clone();
    // The kernel checks `oom_flag_origin` before `oom_score_adj`.
    let answer = decide(&incident, &[adj("redis=-1000")]);
    assert_eq!((dead(&answer), answer.after.points), (vec![812], Some(i64::MAX)));
}

#[test]
fn weighs_an_adjustment_by_the_machines_size() {
    let answer = decide(&on_the_machine(), &[adj("redis=5")]);
    assert_eq!((dead(&answer), answer.after.points), (vec![812], Some(5_003 + 5 * 1000)));
}
