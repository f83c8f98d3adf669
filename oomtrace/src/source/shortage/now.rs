//! Reads the same values without a decision, for a command that reads once.

use super::{lines::Lines, state::StateGauge, surroundings::SurroundingsGauge};
use crate::incident::{MemoryState, StateSource, Surroundings};

/// Returns the machine's memory from procfs and sysfs. Values that cannot be read are absent.
#[must_use]
pub(crate) fn now() -> (MemoryState, Surroundings) {
    let page_size = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
    let (gauge, mut lines) = (StateGauge::open(page_size), Lines::new());
    let mut state = MemoryState { source: StateSource::Procfs, ..MemoryState::default() };
    if let Some(zones) = gauge.zones(&mut lines) {
        (state.read_ns, state.zones, state.nodes) = (zones.read_ns, zones.zones, zones.nodes);
        state.zones_left_out = zones.zones_left_out;
    }
    if let Some(meminfo) = gauge.meminfo(&mut lines) {
        state.swap_total_bytes = meminfo.meminfo.get("SwapTotal").copied();
        state.swap_free_bytes = meminfo.meminfo.get("SwapFree").copied();
        state.meminfo = Some(meminfo.meminfo);
    }
    (state, SurroundingsGauge::open(page_size).read(&mut lines))
}

#[cfg(test)]
mod tests {
    use super::now;

    #[test]
    fn reads_the_memory_of_this_machine() {
        let (state, around) = now();
        assert!(!state.zones.is_empty() && !state.nodes.is_empty() && state.swap_total_bytes.is_some());
        assert!(state.meminfo.is_some_and(|meminfo| meminfo["MemTotal"] > 0));
        assert!(around.tmpfs.is_some() && around.read_ns >= state.read_ns);
    }
}
