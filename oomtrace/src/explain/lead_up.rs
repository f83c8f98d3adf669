//! The minutes before the decision in words: how much memory grew, since when, and which process grew.

use super::{
    Verdict, place,
    words::{duration, size},
};
use crate::{
    account::Whole,
    bytes::ByteString,
    incident::Incident,
    lead_up::{Grower, LeadUp, Shape},
};

/// A process is named if it caused at least this percentage of the growth.
const NAMED: u64 = 50;

/// A clause for the sentence; `None` if nothing is known or nothing grew.
pub(super) fn note(incident: &Incident, verdict: &Verdict) -> Option<String> {
    let lead_up = verdict.lead_up.as_ref()?;
    let what = match (lead_up.of, verdict.domain) {
        (Whole::Cgroup, Some(id)) => place::of_cgroup(incident, id).to_string(),
        (Whole::Cgroup, None) => "it".to_owned(),
        (Whole::Machine, _) => "memory in use".to_owned(),
    };
    let (Some(growth), Some(since)) = (lead_up.growth_bytes, lead_up.since_ns) else {
        let is_flat = lead_up.shape == Shape::Plateau;
        return is_flat.then(|| format!("; {what} had not grown, it was at its limit before"));
    };
    let time = match lead_up.shape {
        Shape::Sudden => format!("within {}", duration(since)),
        Shape::Steady => format!("steadily over {}", duration(since)),
        Shape::Steps => format!("in {}, as processes started", duration(since)),
        Shape::Plateau | Shape::Unknown => format!("in {}", duration(since)),
    };
    Some(format!("; {what} grew by {} {time}{}", size(growth), who(lead_up)))
}

/// Names the process that grew, and says if the victim did not grow.
fn who(lead_up: &LeadUp) -> String {
    let most = lead_up.growers.first().filter(|grower| grower.percent >= NAMED);
    let named =
        most.map(|grower| format!(", {} % of it {}", grower.percent, name(grower))).unwrap_or_default();
    match (lead_up.victim_grew, most) {
        (Some(false), Some(_)) => format!("{named}; the victim had not grown"),
        (Some(false), None) => "; the victim had hardly grown".to_owned(),
        _ => named,
    }
}

fn name(grower: &Grower) -> String {
    let comm = grower.comm.as_ref().map_or_else(|| "a process".to_owned(), ByteString::to_words);
    format!("{comm} (pid {})", grower.pid)
}
