//! A ledger that splits a whole into parts. The sum of the parts never exceeds the whole, and the rest is unexplained.

use serde::Serialize;

/// A part of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The kind of memory.
    pub what: What,
    /// Its size.
    pub bytes: u64,
    /// Whether reclaim could have freed it at that moment; `None` if that is not known, and for free memory.
    pub reclaimable: Option<bool>,
    /// Whether killing the process that holds it frees it; `None` if that is not known, and for free memory.
    pub freed_by_kill: Option<bool>,
}

impl Part {
    /// Returns whether neither reclaim nor a kill frees the part.
    #[must_use]
    pub fn stays(&self) -> bool {
        self.freed_by_kill == Some(false) && self.reclaimable != Some(true)
    }

    /// Returns whether the part is in use and may or may not be freed by a kill.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.freed_by_kill.is_none() && self.reclaimable != Some(true) && !self.what.is_free()
    }
}

macro_rules! whats {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $words:literal;)+) => {
        /// The kind of memory that a part holds.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        pub enum What {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)+
        }

        impl What {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the name in the JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// Returns the name in sentences.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self { $(Self::$variant => $words),+ }
            }
        }
    };
}

whats! {
    /// Free memory that this allocation may use, as far as is known.
    Free = "free", "free";
    /// Free memory below the watermarks and the reserves of the zones that this allocation may use.
    FreeReserved = "free_reserved", "free, kept as a reserve";
    /// Free memory in zones above those of this allocation.
    FreeOtherZone = "free_other_zone", "free in zones this allocation cannot use";
    /// Free memory on nodes that this allocation may not use.
    FreeOtherNode = "free_other_node", "free on nodes this allocation may not use";
    /// Free memory of the contiguous memory allocator, if the allocation is not movable.
    FreeCma = "free_cma", "free in CMA, for movable allocations only";
    /// Free memory reserved for atomic allocations of higher orders.
    FreeHighatomic = "free_highatomic", "free, reserved for atomic allocations";
    /// Free memory above the watermarks, in blocks that are smaller than this allocation.
    FreeFragmented = "free_fragmented", "free in blocks that are too small";
    /// Free memory on the per-CPU lists.
    PercpuLists = "percpu_lists", "free on per-CPU lists";
    /// Anonymous memory that processes map.
    Anon = "anon", "anonymous memory";
    /// Anonymous memory charged to the cgroup that no member holds.
    AnonLeftBehind = "anon_left_behind", "anonymous memory of no member";
    /// Pages of the swap cache that no process maps.
    SwapCache = "swap_cache", "swap cache";
    /// Page cache of files on disks.
    File = "file", "page cache";
    /// Files in tmpfs.
    Tmpfs = "tmpfs", "tmpfs";
    /// System V shared memory.
    SysvShm = "sysv_shm", "System V shared memory";
    /// Other shared memory: memfd, shared anonymous mappings, and tmpfs in other mount namespaces.
    Shmem = "shmem", "shared memory";
    /// Slab caches that reclaim can shrink.
    SlabReclaimable = "slab_reclaimable", "reclaimable slab";
    /// Slab caches that reclaim cannot shrink.
    SlabUnreclaimable = "slab_unreclaimable", "unreclaimable slab";
    /// Other kernel memory that reclaim can free.
    KernelMiscReclaimable = "kernel_misc_reclaimable", "other reclaimable kernel memory";
    /// Kernel stacks.
    KernelStack = "kernel_stack", "kernel stacks";
    /// Page tables.
    PageTables = "page_tables", "page tables";
    /// Page tables of virtual machines and IOMMUs.
    SecondaryPageTables = "secondary_page_tables", "secondary page tables";
    /// The kernel's per-CPU memory.
    Percpu = "percpu", "per-CPU memory";
    /// Memory allocated with vmalloc, without kernel stacks.
    Vmalloc = "vmalloc", "vmalloc";
    /// Huge pages, including unused ones in the pools.
    HugePages = "huge_pages", "huge pages";
    /// Compressed pages of zram and zswap.
    Zspages = "zspages", "compressed pages (zram, zswap)";
    /// Buffers of sockets.
    Sockets = "sockets", "socket buffers";
    /// Kernel memory of a cgroup that none of the finer counters covers, such as pipe buffers.
    Kernel = "kernel", "other kernel memory";
    /// Memory that a hypervisor has taken back.
    Balloon = "balloon", "balloon";
    /// Memory of GPU drivers.
    Gpu = "gpu", "GPU drivers";
    /// Bounce buffers.
    Bounce = "bounce", "bounce buffers";
    /// Memory that no counter explains.
    Unexplained = "unexplained", "unexplained: no counter covers it";
}

impl What {
    /// Returns whether this is free memory of any kind.
    #[must_use]
    pub const fn is_free(self) -> bool {
        matches!(
            self,
            Self::Free
                | Self::FreeReserved
                | Self::FreeOtherZone
                | Self::FreeOtherNode
                | Self::FreeCma
                | Self::FreeHighatomic
                | Self::FreeFragmented
                | Self::PercpuLists
        )
    }
}

/// The parts entered so far, and the rest of the whole.
#[derive(Debug)]
pub(super) struct Ledger {
    left: u64,
    parts: Vec<Part>,
}

impl Ledger {
    /// Starts an empty ledger for a total of this size.
    pub(super) const fn new(total_bytes: u64) -> Self {
        Self { left: total_bytes, parts: Vec::new() }
    }

    /// Returns the bytes not entered yet.
    pub(super) const fn left(&self) -> u64 {
        self.left
    }

    /// Enters a part, cut to the bytes that are left, and returns the bytes entered. The kernel's counters are read one after the
    /// other, so their sum may slightly exceed the whole. Enter the most reliable figures first.
    pub(super) fn enter(
        &mut self,
        what: What,
        bytes: u64,
        reclaimable: impl Into<Option<bool>>,
        freed_by_kill: impl Into<Option<bool>>,
    ) -> u64 {
        let bytes = bytes.min(self.left);
        self.left -= bytes;
        if bytes > 0 {
            let (reclaimable, freed_by_kill) = (reclaimable.into(), freed_by_kill.into());
            self.parts.push(Part { what, bytes, reclaimable, freed_by_kill });
        }
        bytes
    }

    /// Enters free memory. It needs no reclaim, and no kill frees it.
    pub(super) fn enter_free(&mut self, what: What, bytes: u64) -> u64 {
        self.enter(what, bytes, None, None)
    }

    /// Returns the parts, largest first, including the unexplained rest, and the size of that rest.
    pub(super) fn close(mut self) -> (Vec<Part>, u64) {
        let bytes = self.left;
        self.parts.push(Part { what: What::Unexplained, bytes, reclaimable: None, freed_by_kill: None });
        self.parts.sort_by_key(|part| (std::cmp::Reverse(part.bytes), part.what));
        (self.parts, bytes)
    }
}
