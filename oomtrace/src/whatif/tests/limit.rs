//! Tests of another limit.

use std::rc::Rc;

use super::example::{DB, LIMIT, PODS, ROOT, adj, dead, decide, in_pods, on_the_machine, refuse};
use crate::{
    context::{self, CgroupHistory, MemoryHistory},
    incident::Incident,
    lead_up::Shape,
    whatif::{Change, Refusal},
};

fn limit(typed: &str) -> Change {
    Change::limit(typed).unwrap()
}

/// Builds a decision after a write of 32 MiB to `memory.max`, while 64 MiB were used.
fn lowered() -> Incident {
    let mut incident = in_pods();
    incident.request.as_mut().unwrap().memory_max_write = true;
    incident.memcgs.get_mut(&PODS).unwrap().max_pages = LIMIT / 2;
    incident.choice.as_mut().unwrap().total_pages = LIMIT / 2 + 1000;
    incident
}

#[test]
fn does_not_run_out_with_a_larger_limit() {
    for size in ["max", "65M", "67112960"] {
        let answer = decide(&in_pods(), &[limit(&format!("/pods={size}"))]);
        assert!(!answer.after.happens && answer.after.victims.is_empty(), "{size}");
    }
    // There is not even room for the one page that was requested.
    assert!(decide(&in_pods(), &[limit("/pods=67108865")]).after.happens);
    assert_eq!(dead(&decide(&in_pods(), &[limit("/pods=64M")])), [901]);
}

#[test]
fn refuses_if_the_limit_above_is_full_or_unknown() {
    let mut incident = in_pods();
    let root = incident.memcgs.get_mut(&ROOT).unwrap();
    root.max_pages = root.usage_pages;
    assert!(matches!(refuse(&incident, &[limit("/pods=max")]), Refusal::OtherDomain { .. }));
    incident.memcgs.remove(&ROOT);
    assert!(matches!(refuse(&incident, &[limit("/pods=max")]), Refusal::UnknownCgroup { .. }));
}

#[test]
fn refuses_a_limit_that_is_hit_earlier() {
    for typed in ["/pods=32M", "/pods=0", "/pods/app=1M"] {
        assert!(matches!(refuse(&in_pods(), &[limit(typed)]), Refusal::Earlier { .. }), "{typed}");
    }
    let answer = decide(&in_pods(), &[limit("/pods/app=128M"), adj("redis=500")]);
    assert_eq!(dead(&answer), [812]);
    assert!(answer.remarks[0].contains("/pods/app"), "{:?}", answer.remarks);
}

#[test]
fn written_limit_keeps_the_usage_and_changes_the_scores() {
    let answer = decide(&lowered(), &[limit("/pods=16M")]);
    // The swap that the domain may use does not change.
    assert_eq!(answer.after.total_pages, Some(LIMIT / 4 + 1000));
    assert_eq!(dead(&answer), [901]);
    assert!(!decide(&lowered(), &[limit("/pods=64M")]).after.happens);
    let answer = decide(&lowered(), &[limit("/pods=60M"), adj("redis=249")]);
    assert_eq!((answer.after.margin_points, dead(&answer)), (Some(16), vec![901]));
    let answer = decide(&lowered(), &[limit("/pods=60M"), adj("redis=300")]);
    assert_eq!((answer.after.points, dead(&answer)), (Some(5_003 + 300 * 16), vec![812]));
    let mut v1 = lowered();
    v1.memcgs.values_mut().for_each(|memcg| memcg.hierarchy = 4);
    assert!(matches!(refuse(&v1, &[limit("/pods=16M")]), Refusal::SwapUnknown { .. }));
}

/// `constrained_alloc` turns a limit of 0 into 1 page. That page is not swap.
#[test]
fn limit_of_zero_leaves_no_swap() {
    let mut incident = lowered();
    incident.memcgs.get_mut(&PODS).unwrap().max_pages = 0;
    incident.choice.as_mut().unwrap().total_pages = 1;
    let answer = decide(&incident, &[limit("/pods=32M")]);
    assert_eq!((answer.before.total_pages, answer.after.total_pages), (Some(1), Some(LIMIT / 2)));
}

#[test]
fn refuses_limits_of_cgroups_that_the_charge_did_not_pass() {
    assert_eq!(refuse(&on_the_machine(), &[limit("/pods=1G")]), Refusal::NotOfCgroup);
    assert!(matches!(refuse(&in_pods(), &[limit("/pods/db=1G")]), Refusal::NotInChain { .. }));
    assert!(matches!(refuse(&in_pods(), &[limit("/=1G")]), Refusal::Root { .. }));
    assert!(matches!(refuse(&in_pods(), &[limit("/nowhere=1G")]), Refusal::UnknownCgroup { .. }));
    let mut incident = in_pods();
    incident.memcgs.get_mut(&PODS).unwrap().present = 0;
    assert!(matches!(refuse(&incident, &[limit("/pods=1G")]), Refusal::CounterUnknown { .. }));
    incident.memcgs.remove(&DB);
    assert!(matches!(refuse(&incident, &[limit("/pods/db=1G")]), Refusal::UnknownCgroup { .. }));
}

#[test]
fn refuses_if_the_limit_of_memory_and_swap_was_hit() {
    let mut incident = in_pods();
    let pods = incident.memcgs.get_mut(&PODS).unwrap();
    (pods.hierarchy, pods.swap_usage_pages, pods.swap_max_pages) = (4, LIMIT, LIMIT);
    assert!(matches!(refuse(&incident, &[limit("/pods=1G")]), Refusal::Memsw { .. }));
}

/// Builds the same decision after a growth of 1 MiB/s for 20 s.
fn grown(shape: Shape) -> Incident {
    let mut incident = in_pods();
    incident.boot_ns = 100_000_000_000;
    let at_ns: Vec<u64> = (75..100).map(|second| second * 1_000_000_000).collect();
    // A burst comes within the last second.
    let mib = |second: u64| if shape == Shape::Steady { 44 + second.saturating_sub(80) } else { 44 };
    let usage_bytes = (75..100).map(|second| Some(mib(second) << 20)).collect();
    let memory = MemoryHistory { at_ns, usage_bytes, ..MemoryHistory::default() };
    let cgroup =
        CgroupHistory { memcg: PODS, path: Some("/pods".into()), limit_bytes: Some(64 << 20), memory };
    let lead_up =
        context::LeadUp { interval_ns: 1_000_000_000, cgroups: vec![cgroup], ..context::LeadUp::default() };
    incident.lead_up = Some(Rc::new(lead_up));
    incident
}

#[test]
fn reports_when_a_larger_limit_would_be_reached() {
    let answer = decide(&grown(Shape::Steady), &[limit("/pods=96M")]);
    let later = answer.later.unwrap();
    assert_eq!((later.cgroup, later.bytes_per_second), (Some("/pods".into()), 1 << 20));
    assert_eq!(later.ns, 32_000_000_000);
    let expected =
        "; at the rate of the growth before (1.0 MiB/s), the new limit would have been reached 32 s later";
    assert!(answer.summary.ends_with(expected), "{}", answer.summary);
    assert_eq!(decide(&grown(Shape::Steady), &[limit("/pods=64M")]).later, None, "it happens now");
    assert_eq!(decide(&grown(Shape::Steady), &[limit("/pods=max")]).later, None, "no limit is left");
}

#[test]
fn reports_the_limit_above_if_it_is_reached_first() {
    let mut incident = grown(Shape::Steady);
    let root = incident.memcgs.get_mut(&ROOT).unwrap();
    root.max_pages = root.usage_pages + LIMIT / 8;
    let answer = decide(&incident, &[limit("/pods=96M")]);
    assert_eq!(answer.later.map(|later| (later.ns, later.cgroup)), Some((8_000_000_000, Some("/".into()))));
    assert!(answer.summary.ends_with(", / would have run out 8 s later"), "{}", answer.summary);
}

#[test]
fn gives_no_later_time_after_a_burst() {
    let answer = decide(&grown(Shape::Sudden), &[limit("/pods=96M")]);
    assert!(!answer.after.happens && answer.later.is_none(), "{}", answer.summary);
}
