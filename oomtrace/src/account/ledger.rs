//! Parts of a whole, entered one after the other: together they are never more than the whole, and the rest is unexplained.

use serde::Serialize;

/// A part of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// What it is.
    pub what: What,
    /// How much.
    pub bytes: u64,
    /// Whether reclaim could have freed it at that moment; `None` where that is not known, and for free memory.
    pub reclaimable: Option<bool>,
    /// Whether it goes with the process that holds it; `None` where that is not known, and for free memory.
    pub freed_by_kill: Option<bool>,
}

impl Part {
    /// Whether neither reclaim nor a kill frees it.
    #[must_use]
    pub fn stays(&self) -> bool {
        self.freed_by_kill == Some(false) && self.reclaimable != Some(true)
    }

    /// Whether it is in use, and it is not known whether a kill frees it.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.freed_by_kill.is_none() && self.reclaimable != Some(true) && !self.what.is_free()
    }
}

macro_rules! whats {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $words:literal;)+) => {
        /// What a part is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        pub enum What {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)+
        }

        impl What {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name in the JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The same for people.
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
    /// Free memory of the contiguous memory allocator, for an allocation that is not movable.
    FreeCma = "free_cma", "free in CMA, for movable allocations only";
    /// Free memory reserved for atomic allocations of higher orders.
    FreeHighatomic = "free_highatomic", "free, reserved for atomic allocations";
    /// Free memory above the watermarks, of which no block is as large as this allocation.
    FreeFragmented = "free_fragmented", "free in blocks that are too small";
    /// Free memory on the lists of single CPUs.
    PercpuLists = "percpu_lists", "free on per-CPU lists";
    /// Anonymous memory that processes map.
    Anon = "anon", "anonymous memory";
    /// Anonymous memory charged to the cgroup that none of its members has.
    AnonLeftBehind = "anon_left_behind", "anonymous memory of no member";
    /// Pages of the swap cache that no process maps.
    SwapCache = "swap_cache", "swap cache";
    /// Page cache of files on disks.
    File = "file", "page cache";
    /// Files in tmpfs.
    Tmpfs = "tmpfs", "tmpfs";
    /// System V shared memory.
    SysvShm = "sysv_shm", "System V shared memory";
    /// Other shared memory: memfd, shared anonymous mappings, and tmpfs that is mounted elsewhere.
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
    /// Memory allocated with vmalloc, kernel stacks not counted.
    Vmalloc = "vmalloc", "vmalloc";
    /// Huge pages, those in pools that no process uses included.
    HugePages = "huge_pages", "huge pages";
    /// Compressed pages of zram and zswap.
    Zspages = "zspages", "compressed pages (zram, zswap)";
    /// Buffers of sockets.
    Sockets = "sockets", "socket buffers";
    /// Kernel memory of a cgroup that none of its finer counters names, such as pipe buffers.
    Kernel = "kernel", "other kernel memory";
    /// Memory that a hypervisor has taken back.
    Balloon = "balloon", "balloon";
    /// Memory of GPU drivers.
    Gpu = "gpu", "GPU drivers";
    /// Bounce buffers.
    Bounce = "bounce", "bounce buffers";
    /// What no counter explains.
    Unexplained = "unexplained", "unexplained: no counter covers it";
}

impl What {
    /// Whether it is free memory of any kind.
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

/// The parts so far, and how much of the whole is left for others.
#[derive(Debug)]
pub(super) struct Ledger {
    left: u64,
    parts: Vec<Part>,
}

impl Ledger {
    /// Nothing entered of so many bytes.
    pub(super) const fn new(total_bytes: u64) -> Self {
        Self { left: total_bytes, parts: Vec::new() }
    }

    /// What is not entered yet.
    pub(super) const fn left(&self) -> u64 {
        self.left
    }

    /// Enters a part, as far as there is room: counters are read one after the other, so that their sum may exceed the
    /// whole by a little. The surest figures are entered first. Returns what was entered.
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

    /// Enters free memory: nobody has to reclaim it, and no kill frees it.
    pub(super) fn enter_free(&mut self, what: What, bytes: u64) -> u64 {
        self.enter(what, bytes, None, None)
    }

    /// The parts, largest first, with what is left over as unexplained; and how much that is.
    pub(super) fn close(mut self) -> (Vec<Part>, u64) {
        let bytes = self.left;
        self.parts.push(Part { what: What::Unexplained, bytes, reclaimable: None, freed_by_kill: None });
        self.parts.sort_by_key(|part| (std::cmp::Reverse(part.bytes), part.what));
        (self.parts, bytes)
    }
}
