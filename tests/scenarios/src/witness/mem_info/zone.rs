//! A zone's figures and its reserve.

use std::collections::BTreeMap;

use super::{FreeBlocks, figures};

/// One zone of one node.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Zone {
    /// Its node.
    pub node: i32,
    /// Its name, such as `DMA32`.
    pub name: String,
    /// `free`, `min`, `low`, `high`, `boost`, `managed`, `free_pcp` and the other printed figures, in bytes.
    pub figures: BTreeMap<String, u64>,
    /// `lowmem_reserve`: pages reserved from allocations that may use higher zones, by the highest zone they may use.
    pub reserve_pages: Vec<u64>,
    /// Free blocks, the smallest order first.
    pub free_blocks: Vec<FreeBlocks>,
}

impl Zone {
    /// Parses `DMA32 free:2276kB min:2604kB …`.
    pub(super) fn parse(node: i32, rest: &str) -> Option<Self> {
        let (name, figures) = rest.split_once(' ').filter(|(_, figures)| figures.starts_with("free:"))?;
        Some(Self { node, name: name.to_owned(), figures: figures::bytes(figures), ..Self::default() })
    }

    /// A figure, in bytes.
    #[must_use]
    pub fn bytes(&self, name: &str) -> Option<u64> {
        self.figures.get(name).copied()
    }
}

/// Parses `lowmem_reserve[]: 0 430 430 430 430`.
pub(super) fn reserve(line: &str) -> Option<Vec<u64>> {
    let numbers = line.strip_prefix("lowmem_reserve[]:")?.split_ascii_whitespace();
    numbers.map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Zone, reserve};

    #[test]
    fn reads_a_zone_and_its_reserve() {
        let zone = Zone::parse(1, "Normal free:12kB boost:0kB min:8kB free_pcp:4kB").unwrap();
        assert_eq!((zone.node, zone.name.as_str(), zone.bytes("min")), (1, "Normal", Some(8 << 10)));
        assert_eq!(reserve("lowmem_reserve[]: 0 430 1"), Some(vec![0, 430, 1]));
        assert_eq!(Zone::parse(0, "DMA: 0*4kB = 0kB"), None);
    }
}
