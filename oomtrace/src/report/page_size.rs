//! Computes the page size of the machine that a report comes from.

use super::Report;

impl Report {
    /// Returns the page size, from the victim's memory, which the report contains in bytes and in pages. The two figures are read
    /// at slightly different times, so the nearest valid size is used.
    #[must_use]
    pub fn page_bytes(&self) -> Option<u64> {
        self.victims.iter().find_map(|victim| {
            let memory = victim.memory?;
            let pages = u64::try_from(victim.score?.base_pages?).ok().filter(|pages| *pages > 0)?;
            let bytes = [
                memory.anon_rss_bytes,
                memory.file_rss_bytes,
                memory.shmem_rss_bytes,
                memory.swap_bytes,
                memory.pgtables_bytes,
            ];
            let ratio = bytes.into_iter().fold(0_u64, u64::saturating_add) / pages;
            [4 << 10, 16 << 10, 64 << 10].into_iter().find(|size: &u64| ratio.abs_diff(*size) <= size / 4)
        })
    }
}
