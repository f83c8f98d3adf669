//! Another limit.

use super::example::{DB, LIMIT, PODS, ROOT, adj, dead, decide, in_pods, on_the_machine, refuse};
use crate::{
    incident::Incident,
    whatif::{Change, Refusal},
};

fn limit(typed: &str) -> Change {
    Change::limit(typed).unwrap()
}

/// Somebody wrote 32 MiB where 64 were used.
fn lowered() -> Incident {
    let mut incident = in_pods();
    incident.request.as_mut().unwrap().memory_max_write = true;
    incident.memcgs.get_mut(&PODS).unwrap().max_pages = LIMIT / 2;
    incident.choice.as_mut().unwrap().total_pages = LIMIT / 2 + 1000;
    incident
}

#[test]
fn more_room_and_it_would_not_have_happened_then() {
    for size in ["max", "65M", "67112960"] {
        let answer = decide(&in_pods(), &[limit(&format!("/pods={size}"))]);
        assert!(!answer.after.happens && answer.after.victims.is_empty(), "{size}");
    }
    // Not even the one page that was asked for.
    assert!(decide(&in_pods(), &[limit("/pods=67108865")]).after.happens);
    assert_eq!(dead(&decide(&in_pods(), &[limit("/pods=64M")])), [901]);
}

#[test]
fn the_next_limit_up_may_be_full_as_well() {
    let mut incident = in_pods();
    let root = incident.memcgs.get_mut(&ROOT).unwrap();
    root.max_pages = root.usage_pages;
    assert!(matches!(refuse(&incident, &[limit("/pods=max")]), Refusal::OtherDomain { .. }));
    incident.memcgs.remove(&ROOT);
    assert!(matches!(refuse(&incident, &[limit("/pods=max")]), Refusal::UnknownCgroup { .. }));
}

#[test]
fn less_room_is_hit_earlier() {
    for typed in ["/pods=32M", "/pods=0", "/pods/app=1M"] {
        assert!(matches!(refuse(&in_pods(), &[limit(typed)]), Refusal::Earlier { .. }), "{typed}");
    }
    let answer = decide(&in_pods(), &[limit("/pods/app=128M"), adj("redis=500")]);
    assert_eq!(dead(&answer), [812]);
    assert!(answer.remarks[0].contains("/pods/app"), "{:?}", answer.remarks);
}

#[test]
fn a_written_limit_finds_the_same_usage_and_changes_the_scores() {
    let answer = decide(&lowered(), &[limit("/pods=16M")]);
    // The swap it may use stays.
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

/// `constrained_alloc` makes one page of a limit of nothing; swap is none of it.
#[test]
fn a_limit_of_nothing_has_no_swap() {
    let mut incident = lowered();
    incident.memcgs.get_mut(&PODS).unwrap().max_pages = 0;
    incident.choice.as_mut().unwrap().total_pages = 1;
    let answer = decide(&incident, &[limit("/pods=32M")]);
    assert_eq!((answer.before.total_pages, answer.after.total_pages), (Some(1), Some(LIMIT / 2)));
}

#[test]
fn only_the_cgroups_of_the_charge_count() {
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
fn memory_and_swap_together_is_another_limit() {
    let mut incident = in_pods();
    let pods = incident.memcgs.get_mut(&PODS).unwrap();
    (pods.hierarchy, pods.swap_usage_pages, pods.swap_max_pages) = (4, LIMIT, LIMIT);
    assert!(matches!(refuse(&incident, &[limit("/pods=1G")]), Refusal::Memsw { .. }));
}
