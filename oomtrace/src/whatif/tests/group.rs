//! Tests of `memory.oom.group`.

use super::example::{APP, DB, PODS, adj, allocating, dead, decide, in_pods, on_the_machine, refuse};
use crate::{
    explain::{Outcome, Policy},
    incident::{Incident, PassedOver, Role, Victim},
    whatif::{Change, Refusal},
};

fn group(typed: &str) -> Change {
    Change::oom_group(typed).unwrap()
}

/// Builds a decision in which all of `/pods` died, except `agent`.
fn as_a_group() -> Incident {
    let mut incident = in_pods();
    incident.group = Some(PODS);
    incident.memcgs.get_mut(&PODS).unwrap().oom_group = 1;
    let members = [1, 3].map(|index| incident.ballot.as_ref().unwrap().candidates[index].task.clone());
    let member = |task| Victim { killed: true, marked: true, ..Victim::new(task, Role::Group) };
    incident.victims.extend(members.map(member));
    incident
}

#[test]
fn kills_a_cgroup_with_its_victim_except_protected_tasks() {
    let answer = decide(&in_pods(), &[group("/pods=1")]);
    assert_eq!(dead(&answer), [901, 812, 950]);
    assert_eq!(
        (answer.after.policy, answer.after.outcome),
        (Some(Policy::OomGroup), Some(Outcome::GroupKilled))
    );
    assert_eq!(dead(&decide(&in_pods(), &[group("/pods/app=1")])), [901, 950]);
    assert_eq!(dead(&decide(&on_the_machine(), &[group("/pods/app=1")])), [901, 950]);
    assert_eq!(dead(&decide(&in_pods(), &[group("/pods/db=1")])), [901], "the victim is not in it");
}

#[test]
fn uses_the_highest_cgroup_up_to_the_domain() {
    assert_eq!(dead(&decide(&in_pods(), &[group("/pods=1"), group("/pods/app=1")])), [901, 812, 950]);
    let mut incident = in_pods();
    incident.request.as_mut().unwrap().memcg = Some(APP);
    incident.ballot.as_mut().unwrap().candidates.retain(|candidate| candidate.task.memcg == Some(APP));
    incident.choice.as_mut().unwrap().evaluated = 4;
    assert_eq!(dead(&decide(&incident, &[group("/pods=1")])), [901], "above the domain nobody looks");
    assert_eq!(dead(&decide(&incident, &[group("/pods/app=1")])), [901, 950]);
}

#[test]
fn kills_only_the_victim_without_oom_group() {
    let answer = decide(&as_a_group(), &[group("/pods=0")]);
    assert_eq!((dead(&answer), answer.before.victims.len()), (vec![901], 3));
    assert_eq!(answer.after.policy, Some(Policy::Badness));
    // A cgroup further down has the switch set as well.
    let mut incident = as_a_group();
    incident.memcgs.get_mut(&APP).unwrap().oom_group = 1;
    assert_eq!(dead(&decide(&incident, &[group("/pods=0")])), [901, 950]);
}

#[test]
fn spares_protected_members() {
    assert_eq!(dead(&decide(&as_a_group(), &[adj("redis=-1000")])), [901, 950]);
    assert_eq!(dead(&decide(&as_a_group(), &[adj("agent=0")])), [901, 812, 33, 950]);
    let mut incident = as_a_group();
    incident.ballot.as_mut().unwrap().candidates[3].passed_over = Some(PassedOver::NoMemory);
    incident.ballot.as_mut().unwrap().candidates[3].points = None;
    assert_eq!(dead(&decide(&incident, &[adj("redis=1")])), [901, 812]);
}

#[test]
fn ignores_oom_group_on_v1() {
    let mut incident = in_pods();
    incident.memcgs.values_mut().for_each(|memcg| memcg.hierarchy = 4);
    let answer = decide(&incident, &[group("/pods=1")]);
    assert_eq!(dead(&answer), [901]);
    assert!(answer.remarks[0].contains("v1"), "{:?}", answer.remarks);
}

#[test]
fn does_not_guess_unrecorded_cgroups() {
    assert!(matches!(refuse(&in_pods(), &[group("/other=1")]), Refusal::UnknownCgroup { .. }));
    assert!(matches!(refuse(&in_pods(), &[group("/=1")]), Refusal::Root { .. }));
    assert_eq!(refuse(&allocating(), &[group("/pods/app=1")]), Refusal::NeverEvaluated);
    let mut unread = in_pods();
    unread.memcgs.remove(&DB);
    // If the group is the domain, every candidate is in it.
    assert_eq!(dead(&decide(&unread, &[group("/pods=1")])), [901, 812, 950]);
    assert!(matches!(refuse(&unread, &[group("/pods/app=1")]), Refusal::CgroupUnknown { .. }));
    // The new victim's cgroup is not known, so only the first victim is certain.
    let answer = decide(&unread, &[adj("redis=500")]);
    assert_eq!(dead(&answer), [812]);
    assert!(answer.remarks.iter().any(|remark| remark.contains("oom.group")), "{:?}", answer.remarks);
}
