//! Why free memory and reclaim did not help: each reason with its bytes, the most informative first.

mod cgroup;
mod machine;

use serde::Serialize;

pub(super) use self::{cgroup::of_cgroup, machine::of_machine};
use super::{Account, What, names::Names, swap::Swap, words};

/// A reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The kind of reason.
    pub code: ReasonCode,
    /// How much memory it explains.
    pub bytes: u64,
    /// The sentence with its numbers.
    pub text: String,
}

macro_rules! reason_codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// Why memory did not help.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        pub enum ReasonCode {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)+
        }

        impl ReasonCode {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the name in the JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

reason_codes! {
    /// The usable zones have no more free memory than must stay free.
    Exhausted = "exhausted",
    /// The free memory is in zones above the allocation's class.
    OtherZone = "other_zone",
    /// The free memory is on nodes that the allocation may not use.
    OtherNode = "other_node",
    /// The free memory is CMA, and the allocation is not movable.
    Cma = "cma",
    /// No free block is large enough.
    Fragmented = "fragmented",
    /// The free memory is reserved for atomic allocations.
    Highatomic = "highatomic",
    /// The free memory is on the per-CPU lists.
    PercpuLists = "percpu_lists",
    /// There is no swap for anonymous memory.
    NoSwap = "no_swap",
    /// Swap is full.
    SwapFull = "swap_full",
    /// Memory is locked, or unevictable for another reason.
    Locked = "locked",
    /// Files in tmpfs, or other shared memory.
    Tmpfs = "tmpfs",
    /// Huge pages.
    HugePages = "huge_pages",
    /// Unreclaimable slab.
    Slab = "slab",
    /// Other kernel memory.
    Kernel = "kernel",
    /// Page tables.
    PageTables = "page_tables",
    /// Buffers of sockets.
    Sockets = "sockets",
    /// Memory that no counter explains.
    Unexplained = "unexplained",
}

/// How informative a reason is. Reasons are sorted in the order of the variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// Free memory that this allocation could not use. If it could, there would have been no OOM.
    FreeElsewhere,
    /// Memory that neither reclaim nor kills free, and at least a quarter of what the allocation could use.
    OutOfReach,
    /// Memory was really used up.
    UsedUp,
    /// Everything else.
    Beside,
}

/// A reason must explain at least one part in this many of the whole, or it is left out.
const LEAST_SHARE: u64 = 20;

/// A reason is more informative than `UsedUp` from one part in this many of the memory that the allocation could use.
const TELLING_SHARE: u64 = 4;

const fn weight(code: ReasonCode, bytes: u64, reach_bytes: u64) -> Weight {
    match code {
        ReasonCode::OtherZone | ReasonCode::OtherNode | ReasonCode::Cma | ReasonCode::Fragmented => {
            Weight::FreeElsewhere
        }
        ReasonCode::Exhausted => Weight::UsedUp,
        ReasonCode::NoSwap | ReasonCode::Highatomic | ReasonCode::PercpuLists => Weight::Beside,
        ReasonCode::SwapFull
        | ReasonCode::Locked
        | ReasonCode::Tmpfs
        | ReasonCode::HugePages
        | ReasonCode::Slab
        | ReasonCode::Kernel
        | ReasonCode::PageTables
        | ReasonCode::Sockets
        | ReasonCode::Unexplained => {
            if bytes >= reach_bytes / TELLING_SHARE {
                Weight::OutOfReach
            } else {
                Weight::Beside
            }
        }
    }
}

/// Returns whether a reason is free memory that this allocation could not use.
pub(super) fn is_free_elsewhere(code: ReasonCode) -> bool {
    weight(code, 0, 0) == Weight::FreeElsewhere
}

/// Returns whether a reason says more than that memory was used up.
pub(super) fn is_telling(reason: &Reason, account: &Account) -> bool {
    weight(reason.code, reason.bytes, account.reach_bytes()) < Weight::UsedUp
}

/// Returns the reasons that explain enough, the most informative first.
fn ranked(mut reasons: Vec<Reason>, account: &Account) -> Vec<Reason> {
    let least = account.total_bytes / LEAST_SHARE;
    let always = |code| matches!(code, ReasonCode::Exhausted);
    reasons.retain(|reason| always(reason.code) || (reason.bytes > 0 && reason.bytes >= least));
    reasons.sort_by_key(|reason| {
        let weight = weight(reason.code, reason.bytes, account.reach_bytes());
        (weight, std::cmp::Reverse(reason.bytes), reason.code)
    });
    reasons
}

fn reason(code: ReasonCode, bytes: u64, text: impl FnOnce() -> String) -> Option<Reason> {
    (bytes > 0).then(|| Reason { code, bytes, text: text() })
}

/// Returns the reasons why memory in use could not be reclaimed. They are the same for the machine and for a cgroup.
fn in_use(account: &Account, swap: Swap, names: &Names) -> Vec<Reason> {
    let total = account.total_bytes;
    let of =
        |whats: &[What]| whats.iter().fold(0, |sum: u64, what| sum.saturating_add(account.bytes_of(*what)));
    let anon = of(&[What::Anon, What::AnonLeftBehind]);
    let shared = of(&[What::Tmpfs, What::SysvShm, What::Shmem]);
    // Shared memory can go to swap as well. If swap has room, shared memory is not the obstacle.
    let shared = if swap.has_room() == Some(true) { 0 } else { shared };
    let (huge, slab) = (of(&[What::HugePages]), of(&[What::SlabUnreclaimable]));
    let kernel =
        of(&[What::Kernel, What::KernelStack, What::Vmalloc, What::Percpu, What::Gpu, What::Balloon]);
    let (tables, sockets) = (of(&[What::PageTables, What::SecondaryPageTables]), of(&[What::Sockets]));
    let locked = account.locked_bytes.unwrap_or(0).min(total);
    let found = [
        reason(ReasonCode::Tmpfs, shared, || words::shared(account, names, total)),
        reason(ReasonCode::HugePages, huge, || words::huge_pages(huge, names.huge_pages_free, total)),
        reason(ReasonCode::Slab, slab, || words::slab(slab, names.slab.as_ref(), total)),
        reason(ReasonCode::Kernel, kernel, || words::kernel(account, kernel, names)),
        reason(ReasonCode::PageTables, tables, || words::page_tables(tables, total)),
        reason(ReasonCode::Sockets, sockets, || words::sockets(sockets, total)),
        reason(ReasonCode::Locked, locked, || words::locked(locked, total)),
        reason(ReasonCode::Unexplained, account.unexplained_bytes, || words::unexplained(account, names)),
        reason(ReasonCode::NoSwap, if swap.is_none() { anon } else { 0 }, || words::no_swap(anon, total)),
        reason(ReasonCode::SwapFull, if swap.is_full() { anon } else { 0 }, || words::swap_full(swap, anon)),
    ];
    found.into_iter().flatten().collect()
}
