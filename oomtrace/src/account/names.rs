//! The names that the reasons mention with their figures.

use crate::bytes::ByteString;

/// Names and figures for the sentences of the reasons.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Mount point of the tmpfs that holds the most.
    pub(super) mount: Option<ByteString>,
    /// The largest slab cache that cannot be reclaimed, and its bytes.
    pub(super) slab: Option<(String, u64)>,
    /// Bytes of huge pages that no process uses.
    pub(super) huge_pages_free: Option<u64>,
    /// Order of the allocation.
    pub(super) order: i32,
    /// Bytes of a page.
    pub(super) page_size: u64,
    /// Whether `memory.stat` has the names of v1.
    pub(super) is_v1: bool,
    /// Whether `memory.stat` has the sum of all kernel memory.
    pub(super) has_kernel: bool,
    /// Whether nothing says how much of a cgroup's memory is page tables.
    pub(super) lacks_page_tables: bool,
}
