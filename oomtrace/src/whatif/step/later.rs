//! Computes when a larger limit would have been reached, at the rate of growth before the decision.

use super::{limit::Headroom, recorded::Recorded};
use crate::{
    cgroup,
    lead_up::Shape,
    whatif::{answer::Later, words},
};

/// Returns the later time, or `None` if the rate is not known. Only growth in a straight line continues at its rate.
pub(in crate::whatif) fn later(recorded: &Recorded<'_>, headroom: Headroom) -> Option<Later> {
    let lead_up = recorded.verdict.lead_up.as_ref().filter(|lead_up| lead_up.shape == Shape::Steady)?;
    let bytes_per_second = lead_up.bytes_per_second?;
    let bytes = u128::from(headroom.pages) * u128::from(recorded.incident.page_size());
    let ns = (bytes * 1_000_000_000).checked_div(u128::from(bytes_per_second))?;
    Some(Later {
        ns: u64::try_from(ns).ok()?,
        bytes_per_second,
        cgroup: cgroup::path(&recorded.incident.memcgs, headroom.memcg),
    })
}

/// Describes the later time as a clause of the sentence.
pub(in crate::whatif) fn clause(recorded: &Recorded<'_>, later: &Later, headroom: Headroom) -> String {
    let (rate, after) = (crate::explain::size(later.bytes_per_second), crate::explain::duration(later.ns));
    let reached = match recorded.domain {
        Some(domain) if domain == headroom.memcg => "the new limit would have been reached".to_owned(),
        _ => format!("{} would have run out", words::path(recorded.incident, headroom.memcg)),
    };
    format!("; at the rate of the growth before ({rate}/s), {reached} {after} later")
}
