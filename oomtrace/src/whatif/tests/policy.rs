//! `vm.oom_kill_allocating_task`.

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
fn the_trigger_dies_without_a_vote() {
    let answer = decide(&on_the_machine(), &[SET]);
    assert_eq!((dead(&answer), answer.after.policy), (vec![950], Some(Policy::AllocatingTask)));
    assert_eq!((answer.after.points, answer.after.margin_points), (None, None));
    assert_eq!(dead(&decide(&on_the_machine(), &[UNSET])), [901]);
}

#[test]
fn a_cgroups_limit_ignores_it_and_says_so() {
    let answer = decide(&in_pods(), &[SET]);
    assert_eq!(dead(&answer), [901]);
    assert!(answer.remarks[0].contains("ignores"), "{:?}", answer.remarks);
}

#[test]
fn a_trigger_that_may_not_die_leaves_it_to_the_vote() {
    let incident = on_the_machine();
    let answer = decide(&incident, &[SET, adj("shell=-1000")]);
    assert_eq!((dead(&answer), answer.after.policy), (vec![901], Some(Policy::Badness)));
    assert_eq!(answer.remarks.len(), 1, "{:?}", answer.remarks);
    let mut by_sysrq = on_the_machine();
    by_sysrq.trigger.as_mut().unwrap().flags = Some(0x0020_0000);
    assert_eq!(dead(&decide(&by_sysrq, &[SET])), [901], "a kernel thread asked");
    let mut by_init = on_the_machine();
    by_init.trigger.as_mut().unwrap().pid = Some(1);
    assert_eq!(dead(&decide(&by_init, &[SET])), [901]);
    let mut unread = on_the_machine();
    unread.trigger.as_mut().unwrap().memory = None;
    assert!(matches!(refuse(&unread, &[SET]), Refusal::TriggerUnknown { .. }));
}

#[test]
fn without_a_vote_nobody_else_is_known() {
    let incident = allocating();
    assert_eq!(refuse(&incident, &[UNSET]), Refusal::NeverEvaluated);
    assert_eq!(refuse(&incident, &[adj("shell=-1000")]), Refusal::NeverEvaluated);
    assert!(matches!(refuse(&incident, &[adj("redis=1000")]), Refusal::UnknownTask { .. }));
    assert_eq!(dead(&decide(&incident, &[adj("shell=-999")])), [950], "it still asked");
}

#[test]
fn a_protected_trigger_that_loses_its_protection_falls_to_the_sysctl() {
    let mut incident = on_the_machine();
    let trigger = incident.trigger.as_mut().unwrap();
    trigger.oom_score_adj = Some(badness::ADJ_MIN);
    // Whether the sysctl was set the decision does not tell: the trigger could not have been taken.
    assert_eq!(refuse(&incident, &[adj("shell=0")]), Refusal::SysctlUnknown);
    for (value, pid) in [(1, 950), (0, 901)] {
        incident.sysctl = Some(Sysctl { oom_kill_allocating_task: Some(value), ..Sysctl::default() });
        assert_eq!(dead(&decide(&incident, &[adj("shell=0")])), [pid]);
    }
}
