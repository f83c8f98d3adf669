//! Tests with texts from real kernels, and with invalid texts.

use std::collections::BTreeMap;

use super::{MOST, Zoneinfo};
use crate::context::{Zone, Zones};

const OLD: &str = include_str!("../../../../../tests/procfs/5.10/zoneinfo");
const NEW: &str = include_str!("../../../../../tests/procfs/7.3/zoneinfo");

fn zones(text: &[u8]) -> Zones {
    let mut zoneinfo = Zoneinfo::new(4096);
    text.split(|byte| *byte == b'\n').for_each(|line| zoneinfo.take_line(line));
    zoneinfo.finish(7)
}

/// Returns the value after a word, at the given occurrence of the word.
fn figure(text: &str, word: &str, at: usize) -> u64 {
    let mut lines = text.lines().filter(|line| line.split_whitespace().next() == Some(word));
    lines.nth(at).unwrap().split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn parses_zones_of_recorded_kernels() {
    for text in [OLD, NEW] {
        let Zones { read_ns, zones, zones_left_out, nodes } = zones(text.as_bytes());
        assert_eq!((read_ns, zones_left_out, nodes.len()), (7, 0, 1));
        let named: Vec<(i32, u32, &str)> =
            zones.iter().map(|zone| (zone.node, zone.index, zone.name.as_str())).collect();
        assert_eq!(named, [(0, 0, "DMA"), (0, 1, "DMA32")], "zones without memory are left out");
        let zone = &zones[1];
        assert_eq!(zone.managed_pages, Some(figure(text, "managed", 1)));
        assert_eq!(zone.present_pages, Some(figure(text, "present", 1)));
        assert_eq!(zone.free_pages, zone.counters["nr_free_pages"]);
        assert!(zone.min_pages < zone.low_pages && zone.low_pages < zone.high_pages);
        assert_eq!(
            zone.reserve_pages.len(),
            text.lines().find(|line| line.contains("protection")).unwrap().split(',').count()
        );
        assert!(zone.percpu_pages.is_some() && zone.cma_free_pages.is_some());
        assert!(zone.counters.keys().all(|name| name.starts_with("nr_")));
    }
}

#[test]
fn names_counters_like_the_enumerators_in_bytes() {
    for text in [OLD, NEW] {
        let found = zones(text.as_bytes());
        let counters = &found.nodes[0].counters;
        let of = |word: &str| figure(text, word, 0);
        assert_eq!(counters["nr_anon_mapped"], of("nr_anon_pages") * 4096);
        assert_eq!(counters["nr_slab_unreclaimable_b"], of("nr_slab_unreclaimable") * 4096);
        assert_eq!(counters["nr_kernel_stack_kb"], of("nr_kernel_stack") * 1024);
        assert_eq!(counters["nr_file_dirty"], of("nr_dirty") * 4096);
        let tables: u64 = found.zones.iter().filter_map(|zone| zone.counters.get("nr_pagetable")).sum();
        let tables = counters.get("nr_pagetable").copied().unwrap_or(tables * 4096);
        assert!(tables > 0, "a zone's counter up to 5.10");
        for events in
            ["nr_dirtied", "nr_vmscan_write", "nr_anon_pages", "workingset_nodes", "pgdemote_kswapd"]
        {
            assert!(!counters.contains_key(events), "{events}");
        }
    }
}

#[test]
fn subtracts_the_boost_from_watermarks() {
    let text = "Node 3, zone   Normal\n  pages free     9\n        boost    5\n        min      10\n        low      13\n        \
                high     16\n        managed  3840\n        protection: (0, 3019)\n  pagesets\n    cpu: 0\n              \
                count:    2\n              high:     7\n    cpu: 1\n              count:    3\n";
    let expected = Zone {
        node: 3,
        name: "Normal".to_owned(),
        free_pages: 9,
        min_pages: Some(5),
        low_pages: Some(8),
        high_pages: Some(11),
        boost_pages: Some(5),
        reserve_pages: vec![0, 3019],
        managed_pages: Some(3840),
        percpu_pages: Some(5),
        counters: BTreeMap::new(),
        ..Zone::default()
    };
    assert_eq!(zones(text.as_bytes()).zones, [expected]);
}

#[test]
fn accepts_any_text() {
    for text in [OLD, NEW] {
        for cut in 0..text.len() {
            assert!(zones(&text.as_bytes()[..cut]).zones.len() <= 2);
        }
        for at in (0..text.len()).step_by(3) {
            let mut damaged = text.as_bytes().to_vec();
            damaged[at] = damaged[at].wrapping_mul(37) ^ 0x80;
            drop(zones(&damaged));
        }
    }
    let many: String = (0..MOST + 5)
        .map(|at| format!("Node {at}, zone A\n  per-node stats\n  pages free 1\n managed 1\n"))
        .collect();
    let found = zones(many.as_bytes());
    assert_eq!((found.zones.len(), found.zones_left_out, found.nodes.len()), (MOST, 5, MOST));
    let huge = "Node 0, zone A\n  per-node stats\n nr_a 18446744073709551615\n  pages free 18446744073709551616\n managed 1\n";
    assert_eq!(zones(huge.as_bytes()).nodes[0].counters["nr_a"], u64::MAX);
}
