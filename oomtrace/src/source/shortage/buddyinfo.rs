//! Reads `/proc/buddyinfo`: free blocks of each zone by order.
//!
//! The file does not show the migrate types of the blocks. `/proc/pagetypeinfo` does, but it walks the free lists and all
//! page blocks under the zone's lock.
//! On a machine with 24 GiB this takes 4 ms, during which no CPU can allocate in the zone.
//! <https://github.com/torvalds/linux/blob/v6.12/mm/vmstat.c#L1497> (`pagetypeinfo_showfree_print`)

use super::zoneinfo::zone_head;
use crate::context::{FreeBlocks, Zone};

/// Maximum number of orders that are kept. The kernel has 11, or up to 14 if it was built that way.
const MOST_ORDERS: usize = 32;

/// Adds a line to the zone that it describes.
pub(super) fn take_line(zones: &mut [Zone], line: &[u8]) {
    let Some((node, name, counts)) = zone_head(line) else { return };
    let Some(zone) = zones.iter_mut().find(|zone| zone.node == node && zone.name == name) else { return };
    let blocks = |count: &str| Some(FreeBlocks { count: count.parse().ok()?, types: None });
    zone.free_blocks = counts.map_while(blocks).take(MOST_ORDERS).collect();
}

#[cfg(test)]
mod tests {
    use super::take_line;
    use crate::context::Zone;

    #[test]
    fn reads_the_file_of_a_kernel() {
        let mut zones = [Zone { name: "DMA32".to_owned(), ..Zone::default() }];
        let text = include_bytes!("../../../../tests/procfs/7.3/buddyinfo");
        text.split(|byte| *byte == b'\n').for_each(|line| take_line(&mut zones, line));
        assert_eq!(zones[0].free_blocks.len(), 11);
        assert!(zones[0].free_blocks.iter().any(|blocks| blocks.count > 0));
    }

    #[test]
    fn reads_the_blocks_of_each_zone() {
        let zone = |node, name: &str| Zone { node, name: name.to_owned(), ..Zone::default() };
        let mut zones = vec![zone(0, "DMA"), zone(0, "Normal"), zone(1, "Normal")];
        let text = "Node 0, zone      DMA      0      0      3 \nNode 0, zone   Normal   4296   7158   8699 \n\
                    Node 1, zone   Normal   1 2 x 4\nNode 2, zone Normal 7\nNode 0, zone\nNode x, zone DMA 1\n";
        text.as_bytes().split(|byte| *byte == b'\n').for_each(|line| take_line(&mut zones, line));
        let counts = |zone: &Zone| zone.free_blocks.iter().map(|blocks| blocks.count).collect::<Vec<_>>();
        let found: Vec<_> = zones.iter().map(counts).collect();
        assert_eq!(found, [vec![0, 0, 3], vec![4296, 7158, 8699], vec![1, 2]]);
        assert!(zones.iter().flat_map(|zone| &zone.free_blocks).all(|blocks| blocks.types.is_none()));
    }
}
