//! The free blocks of a zone by order.

/// The free blocks of one order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FreeBlocks {
    /// The number of blocks.
    pub count: u64,
    /// The migrate types with a free block, as the kernel's letters.
    pub types: String,
}

/// Parses the zone and its blocks, the smallest first, from `DMA32: 3*4kB (UME) 0*8kB … = 2276kB` (`show_free_areas`,
/// <https://github.com/torvalds/linux/blob/v6.12/mm/show_mem.c#L345>).
pub(super) fn parse(rest: &str) -> Option<(&str, Vec<FreeBlocks>)> {
    let (name, rest) = rest.split_once(": ")?;
    let (list, total) = rest.rsplit_once(" = ")?;
    total.trim_end().strip_suffix("kB")?;
    let mut blocks: Vec<FreeBlocks> = Vec::new();
    for word in list.split_ascii_whitespace() {
        if let Some(types) = word.strip_prefix('(').and_then(|word| word.strip_suffix(')')) {
            types.clone_into(&mut blocks.last_mut()?.types);
        } else {
            let count = word.split_once('*')?.0.parse().ok()?;
            blocks.push(FreeBlocks { count, types: String::new() });
        }
    }
    Some((name, blocks))
}

impl FreeBlocks {
    /// The names of the migrate types, as in `enum migratetype` but in lowercase and without the prefix
    /// (`show_migration_types`, <https://github.com/torvalds/linux/blob/v6.12/mm/show_mem.c#L149>).
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.types.chars().filter_map(name).collect()
    }
}

fn name(letter: char) -> Option<&'static str> {
    match letter {
        'U' => Some("unmovable"),
        'M' => Some("movable"),
        'E' => Some("reclaimable"),
        'H' => Some("highatomic"),
        'C' => Some("cma"),
        'I' => Some("isolate"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_each_order_with_its_types() {
        let (name, blocks) = parse("DMA32: 3*4kB (UME) 0*8kB 2*16kB (H) = 44kB").unwrap();
        let read: Vec<(u64, &str)> = blocks.iter().map(|b| (b.count, b.types.as_str())).collect();
        assert_eq!((name, read), ("DMA32", vec![(3, "UME"), (0, ""), (2, "H")]));
        assert_eq!(blocks[0].names(), ["unmovable", "movable", "reclaimable"]);
        assert_eq!(parse("DMA free:1808kB min:92kB low:112kB"), None);
    }
}
