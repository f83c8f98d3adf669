//! Reads zones, nodes and `/proc/meminfo` as soon after a decision as possible.

use std::{collections::BTreeMap, fs::File};

use super::{buddyinfo, lines::Lines, meminfo, zoneinfo::Zoneinfo};
use crate::{
    context::{Meminfo, Zones},
    kernel::clock,
};

/// The files, open from the start. The kernel keeps the buffer of an open file, so the next read needs no memory.
#[derive(Debug, Default)]
pub(super) struct StateGauge {
    meminfo: Option<File>,
    zoneinfo: Option<File>,
    buddyinfo: Option<File>,
    page_size: u64,
}

impl StateGauge {
    pub(super) fn open(page_size: u64) -> Self {
        let open = |path| File::open(path).ok();
        Self {
            meminfo: open("/proc/meminfo"),
            zoneinfo: open("/proc/zoneinfo"),
            buddyinfo: open("/proc/buddyinfo"),
            page_size,
        }
    }

    pub(super) fn meminfo(&self, lines: &mut Lines) -> Option<Meminfo> {
        let read_ns = clock::boot_ns();
        let mut found = BTreeMap::new();
        lines.each(self.meminfo.as_ref(), |line| meminfo::take_line(&mut found, line))?;
        Some(Meminfo { read_ns, meminfo: found })
    }

    pub(super) fn zones(&self, lines: &mut Lines) -> Option<Zones> {
        let (read_ns, mut zoneinfo) = (clock::boot_ns(), Zoneinfo::new(self.page_size));
        lines.each(self.zoneinfo.as_ref(), |line| zoneinfo.take_line(line))?;
        let mut found = zoneinfo.finish(read_ns);
        // Free blocks are a detail. Without them, the zones are still reported.
        let _ = lines.each(self.buddyinfo.as_ref(), |line| buddyinfo::take_line(&mut found.zones, line));
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::StateGauge;
    use crate::source::shortage::lines::Lines;

    #[test]
    fn reads_consistent_zones_and_meminfo() {
        let page_size = u64::try_from(rustix::param::page_size()).unwrap();
        let (gauge, mut lines) = (StateGauge::open(page_size), Lines::new());
        let zones = gauge.zones(&mut lines).unwrap();
        let meminfo = gauge.meminfo(&mut lines).unwrap();
        assert!(0 < zones.read_ns && zones.read_ns <= meminfo.read_ns);
        let managed: u64 = zones.zones.iter().filter_map(|zone| zone.managed_pages).sum();
        let total = meminfo.meminfo["MemTotal"];
        // Some kernels count memory of the boot, or that a balloon gave back, in only one of the two.
        let present: u64 = zones.zones.iter().filter_map(|zone| zone.present_pages).sum();
        assert!(0 < managed && managed <= present, "{managed} of {present} pages");
        assert!(total <= present * page_size / 10 * 11, "{present} pages, {total} bytes");
        assert!(!zones.nodes.is_empty() && zones.nodes.iter().all(|node| node.counters.len() > 20));
        for zone in &zones.zones {
            assert!(zone.free_blocks.len() > 5 && zone.min_pages < zone.managed_pages, "{zone:?}");
        }
    }

    #[test]
    fn returns_none_for_unreadable_files() {
        let gauge = StateGauge::default();
        assert_eq!((gauge.meminfo(&mut Lines::new()), gauge.zones(&mut Lines::new())), (None, None));
    }
}
