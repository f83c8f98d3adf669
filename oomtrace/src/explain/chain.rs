//! Kills that belong together, in words.

use super::words::{duration, ordinal};
use crate::incident::Incident;

/// A clause for the sentence. If all kills of the chain are alike, the sentence says so already.
pub(super) fn note(incident: &Incident) -> Option<String> {
    let chain = incident.chain.as_ref()?;
    let is_told = incident.repeats.is_some_and(|repeats| repeats.count >= chain.position);
    let span = duration(incident.boot_ns.saturating_sub(chain.first_ns));
    let which = ordinal(chain.position);
    (!is_told).then(|| format!("; it is the {which} kill of a chain that began {span} before"))
}
