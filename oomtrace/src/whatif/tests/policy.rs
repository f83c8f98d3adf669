//! Tests of `vm.oom_kill_allocating_task`.

use super::example::{adj, allocating, dead, decide, in_pods, on_the_machine, refuse};
use crate::{
    badness,
    context::Sysctl,
    explain::Policy,
    whatif::{Change, Refusal},
};

const SET: Change = Change::AllocatingTask(true);
const UNSET: Change = Change::AllocatingTask(false);

#[test]
fn kills_the_trigger_without_a_vote() {
    let answer = decide(&on_the_machine(), &[SET]);
    assert_eq!((dead(&answer), answer.after.policy), (vec![950], Some(Policy::AllocatingTask)));
    assert_eq!((answer.after.points, answer.after.margin_points), (None, None));
    assert_eq!(dead(&decide(&on_the_machine(), &[UNSET])), [901]);
}

#[test]
fn reports_that_a_cgroup_limit_ignores_the_sysctl() {
    let answer = decide(&in_pods(), &[SET]);
    assert_eq!(dead(&answer), [901]);
    assert!(answer.remarks[0].contains("ignores"), "{:?}", answer.remarks);
}

#[test]
fn votes_if_the_trigger_may_not_be_killed() {
    let incident = on_the_machine();
    let answer = decide(&incident, &[SET, adj("shell=-1000")]);
    assert_eq!((dead(&answer), answer.after.policy), (vec![901], Some(Policy::Badness)));
    assert_eq!(answer.remarks.len(), 1, "{:?}", answer.remarks);
    let mut by_sysrq = on_the_machine();
    by_sysrq.trigger.as_mut().unwrap().flags = Some(0x0020_0000);
    assert_eq!(dead(&decide(&by_sysrq, &[SET])), [901], "a kernel thread requested");
    let mut by_init = on_the_machine();
    by_init.trigger.as_mut().unwrap().pid = Some(1);
    assert_eq!(dead(&decide(&by_init, &[SET])), [901]);
    let mut unread = on_the_machine();
    unread.trigger.as_mut().unwrap().memory = None;
    assert!(matches!(refuse(&unread, &[SET]), Refusal::TriggerUnknown { .. }));
}

#[test]
fn refuses_to_guess_other_victims_without_a_vote() {
    let incident = allocating();
    assert_eq!(refuse(&incident, &[UNSET]), Refusal::NeverEvaluated);
    assert_eq!(refuse(&incident, &[adj("shell=-1000")]), Refusal::NeverEvaluated);
    assert!(matches!(refuse(&incident, &[adj("redis=1000")]), Refusal::UnknownTask { .. }));
    assert_eq!(dead(&decide(&incident, &[adj("shell=-999")])), [950], "it still requested");
}

#[test]
fn unprotected_trigger_depends_on_the_sysctl() {
    let mut incident = on_the_machine();
    let trigger = incident.trigger.as_mut().unwrap();
    trigger.oom_score_adj = Some(badness::ADJ_MIN);
    // The decision does not show whether the sysctl was set, because the trigger could not be chosen.
    assert_eq!(refuse(&incident, &[adj("shell=0")]), Refusal::SysctlUnknown);
    for (value, pid) in [(1, 950), (0, 901)] {
        incident.sysctl = Some(Sysctl { oom_kill_allocating_task: Some(value), ..Sysctl::default() });
        assert_eq!(dead(&decide(&incident, &[adj("shell=0")])), [pid]);
    }
}
