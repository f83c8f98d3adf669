//! Puts the account into words, for the sentence and the reasons. Amounts have three significant digits.

use super::{Account, What, Whole, free::Free, holder_kind::HolderKind, names::Names, swap::Swap};
use crate::{bytes::ByteString, incident::Task};

/// The units, each with its shift.
const UNITS: [(&str, u32); 6] = [("B", 0), ("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40), ("PiB", 50)];

/// Returns the unit in which a number has at most four digits before the point after rounding.
fn unit(bytes: u64) -> (&'static str, u32) {
    let fits = |(_, shift): &&(&str, u32)| bytes >> shift < 1000;
    UNITS.iter().find(fits).copied().unwrap_or(("PiB", 50))
}

/// Formats a number in a unit, with one decimal below 100 and none above.
fn number(bytes: u64, shift: u32, whole: bool) -> String {
    let unit = 1_u128 << shift;
    let tenths = (u128::from(bytes) * 10 + unit / 2) / unit;
    if shift == 0 || whole || tenths >= 1000 {
        ((u128::from(bytes) + unit / 2) / unit).to_string()
    } else {
        format!("{}.{}", tenths / 10, tenths % 10)
    }
}

/// Formats an amount: "680 MiB", "28.0 MiB".
pub(super) fn amount(bytes: u64) -> String {
    let (name, shift) = unit(bytes);
    format!("{} {name}", number(bytes, shift, false))
}

/// Formats a share of a whole: "28.0 of 32.0 MiB", "22 of 940 MiB", "700 KiB of 32.0 MiB".
pub(crate) fn share(bytes: u64, total_bytes: u64) -> String {
    let (name, shift) = unit(total_bytes);
    let has_decimals = ((u128::from(total_bytes) * 10) >> shift) < 1000;
    let whole = !has_decimals;
    // In the unit of the whole, the number would round to less than one digit.
    if bytes > 0 && bytes >> shift == 0 {
        return format!("{} of {}", amount(bytes), amount(total_bytes));
    }
    format!("{} of {} {name}", number(bytes, shift, whole), number(total_bytes, shift, whole))
}

/// Formats a block's size, which is a power of two: "32 KiB".
fn block(bytes: u64) -> String {
    let (name, shift) = unit(bytes);
    format!("{} {name}", bytes >> shift)
}

/// Joins a list for a sentence.
fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

pub(super) fn other_zone(free: &Free) -> String {
    let zones: Vec<String> =
        free.other_zones.iter().filter(|(_, bytes)| **bytes > 0).map(|(name, _)| words(name)).collect();
    let noun = if zones.len() == 1 { "zone" } else { "zones" };
    format!(
        "{} is free in {noun} {}, which this allocation cannot use",
        amount(free.other_zone()),
        list(&zones)
    )
}

pub(super) fn other_node(free: &Free) -> String {
    let nodes: Vec<String> =
        free.other_nodes.iter().filter(|(_, bytes)| **bytes > 0).map(|(node, _)| node.to_string()).collect();
    let noun = if nodes.len() == 1 { "node" } else { "nodes" };
    format!(
        "{} is free on {noun} {}, which this allocation may not use",
        amount(free.other_node()),
        list(&nodes)
    )
}

pub(super) fn cma(bytes: u64) -> String {
    format!("{} is free as CMA, which only movable allocations may use", amount(bytes))
}

pub(super) fn fragmented(free: &Free, names: &Names) -> String {
    let wanted = u32::try_from(names.order).ok().and_then(|order| names.page_size.checked_shl(order));
    let free = amount(free.in_usable_zones());
    match wanted.filter(|bytes| *bytes > 0) {
        Some(bytes) => format!("no free block of {} although {free} is free", block(bytes)),
        None => format!("no free block is large enough although {free} is free"),
    }
}

pub(super) fn highatomic(bytes: u64) -> String {
    format!("{} of the free memory is reserved for atomic allocations", amount(bytes))
}

pub(super) fn percpu_lists(bytes: u64) -> String {
    format!("{} is free on the lists of single CPUs", amount(bytes))
}

pub(super) fn exhausted(free: &Free) -> String {
    let zones: Vec<String> = free.usable_zones.iter().map(|name| words(name)).collect();
    let (noun, verb) = if zones.len() == 1 { ("zone", "has") } else { ("zones", "have") };
    format!(
        "{noun} {} {verb} {} free, and {} must stay free",
        list(&zones),
        amount(free.in_usable_zones()),
        amount(free.must_stay)
    )
}

pub(super) fn no_swap(anon: u64, total: u64) -> String {
    format!("{} is anonymous memory, which reclaim cannot free without swap", share(anon, total))
}

pub(super) fn swap_full(swap: Swap, anon: u64) -> String {
    let total = amount(swap.total.unwrap_or(0));
    format!("swap of {total} is full, so reclaim cannot free {} of anonymous memory", amount(anon))
}

pub(super) fn locked(bytes: u64, total: u64) -> String {
    format!("{} is locked or otherwise unevictable, so reclaim cannot free it", share(bytes, total))
}

/// Describes shared memory of all kinds. The largest kind gives the name.
pub(super) fn shared(account: &Account, names: &Names, total: u64) -> String {
    let [tmpfs, sysv, other] = [What::Tmpfs, What::SysvShm, What::Shmem].map(|what| account.bytes_of(what));
    if tmpfs >= sysv && tmpfs >= other {
        let place = names.mount.as_ref().map(|mount| format!(" at {}", mount.to_words()));
        format!("{} is tmpfs{}, which no kill frees", share(tmpfs, total), place.unwrap_or_default())
    } else if sysv >= other {
        format!("{} is System V shared memory, which no kill frees", share(sysv, total))
    } else {
        let mapped =
            account.parts.iter().any(|part| part.what == What::Shmem && part.freed_by_kill == Some(true));
        let until = if mapped { "goes with its last process" } else { "no kill is known to free" };
        format!("{} is shared memory (memfd, shared mappings or tmpfs), which {until}", share(other, total))
    }
}

pub(super) fn huge_pages(bytes: u64, free: Option<u64>, total: u64) -> String {
    let unused = free.filter(|free| *free > 0).map(|free| format!(" ({} of them unused)", amount(free)));
    format!(
        "{} is in huge pages{}, which serve no other allocation",
        share(bytes, total),
        unused.unwrap_or_default()
    )
}

pub(super) fn slab(bytes: u64, largest: Option<&(String, u64)>, total: u64) -> String {
    let cache = largest.filter(|(_, of)| *of > bytes / 4);
    let cache = cache.map(|(name, of)| format!(" ({} of it in {})", amount(*of), words(name)));
    format!("{} is unreclaimable slab{}", share(bytes, total), cache.unwrap_or_default())
}

/// Describes kernel memory. The largest kind gives the name if it is more than half of it.
pub(super) fn kernel(account: &Account, bytes: u64, names: &Names) -> String {
    let total = account.total_bytes;
    let kinds = [What::KernelStack, What::Vmalloc, What::Percpu, What::Gpu, What::Balloon];
    let largest = kinds.into_iter().max_by_key(|what| account.bytes_of(*what));
    match largest.filter(|what| account.bytes_of(*what) > bytes / 2) {
        Some(what) => format!("{} is kernel memory, most of it {}", share(bytes, total), what.words()),
        None if account.of == Whole::Cgroup => {
            let such = if names.lacks_page_tables { "page tables and pipe buffers" } else { "pipe buffers" };
            format!("{} is kernel memory such as {such}", share(bytes, total))
        }
        None => format!("{} is kernel memory", share(bytes, total)),
    }
}

pub(super) fn page_tables(bytes: u64, total: u64) -> String {
    format!("{} is page tables", share(bytes, total))
}

pub(super) fn sockets(bytes: u64, total: u64) -> String {
    format!("{} is socket buffers", share(bytes, total))
}

pub(super) fn unexplained(account: &Account, names: &Names) -> String {
    let bytes = share(account.unexplained_bytes, account.total_bytes);
    match account.of {
        Whole::Machine => {
            format!("{bytes} is kernel memory that no counter covers (pipe buffers, packet rings, drivers)")
        }
        Whole::Cgroup if names.is_v1 => {
            format!("{bytes} is not in memory.stat, which on v1 has no kernel memory")
        }
        Whole::Cgroup if !names.has_kernel => {
            format!(
                "{bytes} is not in memory.stat, which on this kernel lacks kernel pages such as pipe buffers"
            )
        }
        Whole::Cgroup => format!("{bytes} is not in memory.stat"),
    }
}

pub(super) fn exempt(kind: HolderKind, task: &Task, bytes: u64, total: u64) -> String {
    let why = match kind {
        HolderKind::Init => "cannot be killed as the init of the machine",
        HolderKind::Exempt | HolderKind::Many | HolderKind::ForkBomb | HolderKind::LeftBehind => {
            "is exempt by oom_score_adj -1000"
        }
    };
    format!("{} holds {} and {why}", process(task), share(bytes, total))
}

pub(super) fn fork_bomb(count: u64, bytes: u64, account: &Account) -> String {
    let each = amount(bytes / count.max(1));
    format!(
        "kernel stacks, page tables and slab of {count} processes hold {}, about {each} each",
        share(bytes, account.total_bytes)
    )
}

pub(super) fn left_behind(bytes: u64, total: u64) -> String {
    format!(
        "{} is anonymous memory that no member of the cgroup has (charges stay behind when a process moves)",
        share(bytes, total)
    )
}

pub(super) fn many(
    count: u64,
    comm: &ByteString,
    bytes: u64,
    victim: &Task,
    domain_bytes: u64,
    account: &Account,
) -> String {
    let hold = share(bytes, account.total_bytes);
    let adj = victim.oom_score_adj.filter(|adj| *adj > 0);
    let because = adj.map(|adj| {
        let worth = domain_bytes / 1000 * u64::from(adj.unsigned_abs());
        format!("; oom_score_adj {adj} of the victim counts as {}", amount(worth))
    });
    format!(
        "{count} processes named {} hold {hold} together, and each scored less{}",
        comm.to_words(),
        because.unwrap_or_default()
    )
}

fn process(task: &Task) -> String {
    let comm = task.leader_comm.as_ref().or(task.comm.as_ref());
    let comm = comm.map_or_else(|| "a process".to_owned(), ByteString::to_words);
    task.pid.map_or_else(|| comm.clone(), |pid| format!("{comm} (pid {pid})"))
}

/// Escapes a name that comes from a recording.
fn words(name: &str) -> String {
    ByteString::from(name).to_words()
}

/// Returns the account's clause for the sentence: the holder of the memory, or else the first reason if it is informative. Free
/// memory that the allocation could not use comes before the holder. If the candidates hold almost nothing, the clause adds that;
/// for a cgroup, only if there is nothing else to say.
pub(super) fn clause(account: &Account) -> Option<String> {
    if let Some(holder) = &account.holder {
        let elsewhere = account.free_elsewhere().map(|reason| reason.text.as_str());
        let parts: Vec<&str> = elsewhere.into_iter().chain([holder.text.as_str()]).collect();
        return Some(parts.join(", and "));
    }
    let told = account.telling().map(|reason| reason.text.clone());
    let is_little = |bytes: &u64| *bytes < account.reach_bytes() / 10;
    let wanted = account.of == Whole::Machine || told.is_none();
    let hold = account.candidates_bytes.filter(|bytes| wanted && is_little(bytes));
    let hold =
        hold.map(|bytes| format!("all candidates together hold {}", share(bytes, account.total_bytes)));
    let parts: Vec<String> = [told, hold].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", and "))
}
