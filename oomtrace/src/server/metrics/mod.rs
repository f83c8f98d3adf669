//! `--metrics`: counts reported incidents for Prometheus (`docs/metrics.md`).

mod families;
mod labels;
mod listen;
mod machine;
mod places;
mod unreported;

use std::{fmt, sync::Mutex};

use prometheus_client::{encoding::text::encode, registry::Registry};

use self::{families::Families, machine::Readings};
pub use self::{listen::Listener, machine::Machine};
pub(super) use listen::serve;

use super::{facts::Facts, feed::Dropped};

/// The metrics of a scrape.
pub(super) struct Metrics {
    families: Mutex<Families>,
    registry: Registry,
}

impl Metrics {
    pub(super) fn new(machine: Machine, dropped: Vec<Dropped>) -> Self {
        let mut registry = Registry::default();
        let families = Mutex::new(Families::register(&mut registry));
        machine.describe(&mut registry);
        registry.register_collector(Box::new(Readings::new(machine, dropped)));
        Self { families, registry }
    }

    /// Counts a closed incident.
    pub(super) fn count(&self, facts: &Facts) {
        // The lock is held only while counting, and only this thread takes it.
        self.families.lock().unwrap_or_else(std::sync::PoisonError::into_inner).count(facts);
    }

    /// The text of a scrape, in the format of OpenMetrics.
    pub(super) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests;
