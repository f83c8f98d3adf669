//! Why the machine's free memory and reclaim did not help.

use super::{Names, Reason, ReasonCode, in_use, ranked, reason};
use crate::account::{Account, What, free::Free, swap::Swap, words};

pub(in crate::account) fn of_machine(
    account: &Account,
    free: &Free,
    swap: Swap,
    names: &Names,
) -> Vec<Reason> {
    let mut reasons = in_use(account, swap, names);
    reasons.extend(elsewhere(account, free, names));
    reasons.extend(exhausted(free));
    ranked(reasons, account)
}

/// Returns the free memory that this allocation could not use, by reason.
fn elsewhere(account: &Account, free: &Free, names: &Names) -> Vec<Reason> {
    let lists = account.bytes_of(What::PercpuLists);
    let found = [
        reason(ReasonCode::OtherZone, free.other_zone(), || words::other_zone(free)),
        reason(ReasonCode::OtherNode, free.other_node(), || words::other_node(free)),
        reason(ReasonCode::Cma, free.cma, || words::cma(free.cma)),
        reason(ReasonCode::Fragmented, free.fragmented, || words::fragmented(free, names)),
        reason(ReasonCode::Highatomic, free.highatomic, || words::highatomic(free.highatomic)),
        reason(ReasonCode::PercpuLists, lists, || words::percpu_lists(lists)),
    ];
    found.into_iter().flatten().collect()
}

/// Checks that the usable zones have no more free memory than must stay free. A process may have freed memory between the last
/// attempt and the reading, so the same amount once more is tolerated.
fn exhausted(free: &Free) -> Option<Reason> {
    let is_out = free.is_judged
        && !free.usable_zones.is_empty()
        && free.usable <= free.must_stay
        && free.fragmented <= free.must_stay;
    is_out.then(|| Reason {
        code: ReasonCode::Exhausted,
        bytes: free.in_usable_zones(),
        text: words::exhausted(free),
    })
}
