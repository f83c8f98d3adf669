//! Reads `/proc/slabinfo`: the largest slab caches. Only root may open it.
//! <https://github.com/torvalds/linux/blob/v6.12/mm/slab_common.c#L1094> (`cache_show`)

use super::lines;
use crate::context::Slab;

/// Maximum number of caches that are reported.
pub(super) const MOST: usize = 16;

/// Maximum number of characters of a name that are kept.
const NAME_BYTES: usize = 128;

/// The largest caches in the lines so far.
#[derive(Debug)]
pub(super) struct Largest {
    page_size: u64,
    slabs: Vec<Slab>,
    left_out: u32,
}

impl Largest {
    pub(super) fn new(page_size: u64) -> Self {
        Self { page_size, slabs: Vec::with_capacity(MOST + 1), left_out: 0 }
    }

    /// Adds a line. The two header lines have no values.
    pub(super) fn take_line(&mut self, line: &[u8]) {
        let Some((name, bytes)) = parse(line, self.page_size).filter(|(_, bytes)| *bytes > 0) else { return };
        let place = self.slabs.partition_point(|slab| slab.bytes >= bytes);
        if place >= MOST {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let name = name.chars().take(NAME_BYTES).collect();
        self.slabs.insert(place, Slab { name, bytes, reclaimable: None });
        if self.slabs.len() > MOST {
            self.slabs.truncate(MOST);
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    /// Returns the largest caches and the number of other caches.
    pub(super) fn finish(self) -> (Vec<Slab>, u32) {
        (self.slabs, self.left_out)
    }
}

/// Parses the name and the total size of all slabs: `NAME active num objsize objperslab PAGES : tunables .. : slabdata active
/// SLABS shared`.
fn parse(line: &[u8], page_size: u64) -> Option<(&str, u64)> {
    let mut words = lines::words(line);
    let name = words.next()?;
    let pages: u64 = words.nth(4)?.parse().ok()?;
    let slabs: u64 = words.skip_while(|word| *word != "slabdata").nth(2)?.parse().ok()?;
    Some((name, pages.checked_mul(slabs)?.checked_mul(page_size)?))
}

#[cfg(test)]
mod tests {
    use super::{Largest, MOST, NAME_BYTES};
    use crate::context::Slab;

    fn largest(text: &str) -> (Vec<Slab>, u32) {
        let mut largest = Largest::new(4096);
        text.as_bytes().split(|byte| *byte == b'\n').for_each(|line| largest.take_line(line));
        largest.finish()
    }

    #[test]
    fn finds_the_largest_caches_of_kernels() {
        for text in [
            include_str!("../../../../tests/procfs/5.10/slabinfo"),
            include_str!("../../../../tests/procfs/7.3/slabinfo"),
        ] {
            let (slabs, left_out) = largest(text);
            assert_eq!(slabs.len(), MOST);
            assert!(slabs.is_sorted_by(|left, right| left.bytes >= right.bytes));
            let used = |line: &&str| !line.ends_with(" 0      0      0") && !line.starts_with(['#', 's']);
            assert!(
                left_out > 20 && usize::try_from(left_out).unwrap() < text.lines().filter(used).count() + 40
            );
            let inodes = slabs.iter().find(|slab| slab.name.ends_with("inode_cache")).unwrap();
            assert!(inodes.bytes > 0 && inodes.bytes.is_multiple_of(4096));
        }
    }

    #[test]
    fn counts_whole_slabs() {
        let text = "slabinfo - version: 2.1\n# name <active_objs> : tunables <limit> : slabdata <active_slabs>\n\
                    dentry 10 21 192 21 1 : tunables 0 0 0 : slabdata 1 3 0\n\
                    kmalloc-8k 4 4 8192 4 8 : tunables 0 0 0 : slabdata 1 2 0\n\
                    unused 0 0 64 64 1 : tunables 0 0 0 : slabdata 0 0 0\n";
        let (slabs, left_out) = largest(text);
        let found: Vec<(&str, u64)> = slabs.iter().map(|slab| (slab.name.as_str(), slab.bytes)).collect();
        assert_eq!((found, left_out), (vec![("kmalloc-8k", 65536), ("dentry", 12288)], 0));
    }

    #[test]
    fn accepts_any_line() {
        let line = "dentry 10 21 192 21 1 : tunables 0 0 0 : slabdata 1 3 0";
        for cut in 0..line.len() {
            assert!(largest(&line[..cut]).0.len() <= 1);
        }
        let huge = "a 1 1 1 1 18446744073709551615 : slabdata 1 18446744073709551615 0";
        assert!(largest(huge).0.is_empty());
        let long = format!("{} 1 1 1 1 1 : tunables 0 0 0 : slabdata 1 1 0", "x".repeat(4000));
        assert_eq!(largest(&long).0[0].name.len(), NAME_BYTES);
    }
}
