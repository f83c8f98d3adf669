//! The machine's memory nodes.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};

const FILE: &str = "/proc/zoneinfo";

/// Pages present in each node. The kernel measures the score of a confined allocation against them (`constrained_alloc`,
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L252>).
pub(crate) fn present_pages() -> Result<BTreeMap<u32, u64>> {
    let text = fs::read_to_string(FILE).with_context(|| format!("reading {FILE}"))?;
    parse(&text).with_context(|| format!("reading {FILE}"))
}

fn parse(text: &str) -> Result<BTreeMap<u32, u64>> {
    let mut nodes = BTreeMap::new();
    let mut node = 0;
    for line in text.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words.as_slice() {
            ["Node", number, "zone", ..] => node = number.trim_end_matches(',').parse()?,
            ["present", pages] => *nodes.entry(node).or_default() += pages.parse::<u64>()?,
            _ => {}
        }
    }
    Ok(nodes)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn adds_up_the_zones_of_a_node() {
        let text = "Node 0, zone      DMA\n  pages free     3840\n        present  3998\n        managed  3840\n\
                    Node 0, zone    DMA32\n        present  60000\nNode 1, zone    DMA32\n        present  65536\n";
        assert_eq!(parse(text).unwrap().into_iter().collect::<Vec<_>>(), [(0, 63_998), (1, 65_536)]);
    }
}
