//! Why free memory did not help, and why reclaim did not: each reason with its bytes, the most telling first.

mod cgroup;
mod machine;

use serde::Serialize;

pub(super) use self::{cgroup::of_cgroup, machine::of_machine};
use super::{Account, What, names::Names, swap::Swap, words};

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Which.
    pub code: ReasonCode,
    /// How much memory it explains.
    pub bytes: u64,
    /// In words, with its numbers.
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
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name in the JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

reason_codes! {
    /// The zones that may be used have no more free than must stay free.
    Exhausted = "exhausted",
    /// Free memory lies in zones above the allocation's.
    OtherZone = "other_zone",
    /// Free memory lies on nodes that may not be used.
    OtherNode = "other_node",
    /// Free memory is CMA, and the allocation is not movable.
    Cma = "cma",
    /// No free block is large enough.
    Fragmented = "fragmented",
    /// Free memory is reserved for atomic allocations.
    Highatomic = "highatomic",
    /// Free memory lies on the lists of single CPUs.
    PercpuLists = "percpu_lists",
    /// Anonymous memory has no swap to go to.
    NoSwap = "no_swap",
    /// Swap is used up.
    SwapFull = "swap_full",
    /// Memory is locked or unevictable for another reason.
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

/// How much a reason tells. The order of the variants is that of the reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// Free memory that this allocation could not use: without this there would have been no OOM.
    FreeElsewhere,
    /// Memory that reclaim and kills do not reach, a quarter or more of what the allocation could reach.
    OutOfReach,
    /// That memory was really used up.
    UsedUp,
    /// Everything else.
    Beside,
}

/// Reasons that explain less than this share of the whole are left out: one part in so many.
const LEAST_SHARE: u64 = 20;

/// From this share of what the allocation could reach on a reason tells more than that memory was used up.
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

/// Whether a reason tells more than that memory was used up.
pub(super) fn is_telling(reason: &Reason, account: &Account) -> bool {
    weight(reason.code, reason.bytes, account.reach_bytes()) < Weight::UsedUp
}

/// Those that explain enough, the most telling first.
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

/// Why what is in use could not be reclaimed: the same for the machine and for a cgroup.
fn in_use(account: &Account, swap: Swap, names: &Names) -> Vec<Reason> {
    let total = account.total_bytes;
    let of =
        |whats: &[What]| whats.iter().fold(0, |sum: u64, what| sum.saturating_add(account.bytes_of(*what)));
    let anon = of(&[What::Anon, What::AnonLeftBehind]);
    let shared = of(&[What::Tmpfs, What::SysvShm, What::Shmem]);
    // Shared memory goes to swap as well. While there is room there, it is not what stands in the way.
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
        reason(ReasonCode::Kernel, kernel, || words::kernel(account, kernel, total)),
        reason(ReasonCode::PageTables, tables, || words::page_tables(tables, total)),
        reason(ReasonCode::Sockets, sockets, || words::sockets(sockets, total)),
        reason(ReasonCode::Locked, locked, || words::locked(locked, total)),
        reason(ReasonCode::Unexplained, account.unexplained_bytes, || words::unexplained(account, names)),
        reason(ReasonCode::NoSwap, if swap.is_none() { anon } else { 0 }, || words::no_swap(anon, total)),
        reason(ReasonCode::SwapFull, if swap.is_full() { anon } else { 0 }, || words::swap_full(swap, anon)),
    ];
    found.into_iter().flatten().collect()
}
