//! The machine's memory nodes.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};

const FILE: &str = "/proc/zoneinfo";

/// Pages present in each node, which is what the kernel measures a confined allocation's score against
/// (`constrained_alloc`, <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L252>).
pub(crate) fn present_pages() -> Result<BTreeMap<u32, u64>> {
    let text = fs::read_to_string(FILE).with_context(|| format!("reading {FILE}"))?;
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
