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

/// Parses the name and the total size of all slabs: `NAME active OBJECTS SIZE PER_SLAB PAGES : tunables .. : slabdata active SLABS
/// shared`.
fn parse(line: &[u8], page_size: u64) -> Option<(&str, u64)> {
    let mut words = lines::words(line);
    let name = words.next()?;
    let numbers = words.by_ref().skip(1).take(4).map(|word| word.parse().ok());
    let [objects, size, per_slab, pages] = *numbers.collect::<Option<Vec<u64>>>()? else { return None };
    let slabs: u64 = words.skip_while(|word| *word != "slabdata").nth(2)?.parse().ok()?;
    let most = pages.checked_mul(slabs)?.checked_mul(page_size)?;
    let missing = per_slab.checked_mul(slabs)?.saturating_sub(objects);
    Some((name, most.saturating_sub(missed(missing, size, (per_slab, pages), page_size))))
}

/// Returns how many bytes slabs have less than their full size together, if they have this number of objects less. When memory is
/// fragmented, the kernel allocates a slab with the smallest number of pages that an object fits in, but the line only has the
/// usual size of a slab. <https://github.com/torvalds/linux/blob/v6.12/mm/slub.c> (`allocate_slab`)
fn missed(objects: u64, size: u64, (per_slab, pages): (u64, u64), page_size: u64) -> u64 {
    let least = size.div_ceil(page_size.max(1)).max(1).checked_next_power_of_two().unwrap_or(u64::MAX);
    let in_least = least.saturating_mul(page_size) / size.max(1);
    let small_slabs = objects.checked_div(per_slab.saturating_sub(in_least)).unwrap_or(0);
    small_slabs.saturating_mul(pages.saturating_sub(least)).saturating_mul(page_size)
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
                    kmalloc-8k 8 8 8192 4 8 : tunables 0 0 0 : slabdata 2 2 0\n\
                    unused 0 0 64 64 1 : tunables 0 0 0 : slabdata 0 0 0\n";
        let (slabs, left_out) = largest(text);
        let found: Vec<(&str, u64)> = slabs.iter().map(|slab| (slab.name.as_str(), slab.bytes)).collect();
        assert_eq!((found, left_out), (vec![("kmalloc-8k", 65536), ("dentry", 12288)], 0));
    }

    #[test]
    fn counts_slabs_of_the_smallest_size() {
        let bytes = |page_size: u64, line: &str| {
            let mut largest = Largest::new(page_size);
            largest.take_line(line.as_bytes());
            largest.finish().0[0].bytes
        };
        // Ten slabs of 4 objects and 8 pages each would have 40 objects: 3 have 1 object and 2 pages each.
        let line = "kmalloc-8k 31 31 8192 4 8 : tunables 0 0 0 : slabdata 10 10 0";
        assert_eq!(bytes(4096, line), (7 * 8 + 3 * 2) * 4096);
        // With pages of 16 KiB, one object of 32 KiB takes 2 pages.
        let line = "kmalloc-32k 31 31 32768 4 8 : tunables 0 0 0 : slabdata 10 10 0";
        assert_eq!(bytes(16384, line), (7 * 8 + 3 * 2) * 16384);
        // Two objects fit in one page, and 21 in a slab of 8 pages.
        let line = "odd 46 46 1536 21 8 : tunables 0 0 0 : slabdata 4 4 0";
        assert_eq!(bytes(4096, line), (2 * 8 + 2) * 4096);
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
