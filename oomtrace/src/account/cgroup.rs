//! Builds the account of a cgroup that ran out of memory: its usage at the decision, split by the `memory.stat` read right after
//! it.

use oomtrace_common::event::Memcg;

use super::{
    Account, Whole, holder,
    ledger::{Ledger, What},
    members::{self, Members},
    names::Names,
    reasons, shared,
    shared::Shared,
    stat::Stat,
    swap::Swap,
};
use crate::incident::Incident;

/// The kernel memory counters that `kernel` sums up. The flags say whether reclaim frees the memory and whether a kill frees it.
const KERNEL: [(What, &str, Option<bool>, Option<bool>); 8] = [
    (What::SlabUnreclaimable, "slab_unreclaimable", Some(false), None),
    (What::SlabReclaimable, "slab_reclaimable", Some(true), Some(false)),
    (What::KernelStack, "kernel_stack", Some(false), Some(true)),
    (What::PageTables, "pagetables", Some(false), Some(true)),
    (What::SecondaryPageTables, "sec_pagetables", Some(false), None),
    (What::Percpu, "percpu", Some(false), Some(false)),
    (What::Vmalloc, "vmalloc", Some(false), None),
    (What::Zspages, "zswap", Some(false), Some(true)),
];

/// The largest error of a process's counters, because CPUs keep part of the counts. A part based on the sum must be larger.
const HELD_BACK_BYTES: u64 = 256 << 10;

/// Page tables that CPUs may hold back before `memory.stat` shows any. If it shows 0 and the members have more, the kernel does not
/// count them for cgroups: from 6.18 until a fix in February 2026, it counted them for nodes only.
/// <https://github.com/torvalds/linux/blob/v6.18/include/linux/mm.h> (`__pagetable_ctor`)
const TABLES_HELD_BACK_BYTES: u64 = 1 << 20;

/// Accounts for a cgroup's memory. Returns `None` if its `memory.stat` was not read.
#[must_use]
pub fn of_cgroup(incident: &Incident, id: u64) -> Option<Account> {
    let stat = Stat::new(incident.stat_of(id)?);
    let members = Members::of(incident);
    let usage = usage(incident, id);
    let total_bytes = usage.unwrap_or_else(|| known(stat));
    let swap = Swap::of_cgroup(incident, id);
    let returned = usage.map_or(0, |usage| returned(incident, stat, members, usage));
    let mut ledger = Ledger::new(total_bytes);
    let anon = enter_anon(&mut ledger, stat, swap, members, returned);
    let shared = enter_shared(&mut ledger, incident, stat, swap, members);
    ledger.enter(What::File, stat.file(), true, false);
    ledger.enter(What::Sockets, stat.bytes("sock"), false, None);
    ledger.enter(What::HugePages, stat.bytes("hugetlb"), false, true);
    let tables = enter_kernel(&mut ledger, stat, members);
    let (parts, unexplained_bytes) = ledger.close();
    let mut account = Account {
        of: Whole::Cgroup,
        total_bytes,
        candidates_bytes: members.map(|members| {
            let tables = members.candidates_tables.min(tables);
            members.candidates_anon.min(anon).saturating_add(tables).min(total_bytes)
        }),
        victim_bytes: members::of_victims(incident)
            .map(|(anon, tables)| anon.saturating_add(tables).min(total_bytes)),
        locked_bytes: stat.get("unevictable"),
        dirty_bytes: stat.dirty(),
        returned_bytes: (returned > 0).then_some(returned),
        unexplained_bytes,
        parts,
        holder: None,
        reasons: Vec::new(),
    };
    account.holder = holder::find(incident, &account, members);
    let names = Names {
        lacks_page_tables: stat.get("pagetables") == Some(0) && members.is_none(),
        ..names(incident, stat, &shared)
    };
    account.reasons = reasons::of_cgroup(&account, swap, &names);
    Some(account)
}

fn names(incident: &Incident, stat: Stat<'_>, shared: &Shared) -> Names {
    Names {
        mount: shared::mount_of(incident.surroundings.as_deref(), shared.tmpfs, false),
        slab: None,
        huge_pages_free: None,
        order: 0,
        page_size: incident.page_size(),
        is_v1: stat.is_v1(),
        has_kernel: stat.get("kernel").is_some(),
        lacks_page_tables: false,
    }
}

/// Returns the memory charged to the cgroup at the decision.
fn usage(incident: &Incident, id: u64) -> Option<u64> {
    let memcg = incident.memcgs.get(&id).filter(|memcg| memcg.present & Memcg::COUNTERS != 0)?;
    Some(memcg.usage_pages.saturating_mul(incident.page_size()))
}

/// Returns all memory that `memory.stat` covers.
fn known(stat: Stat<'_>) -> u64 {
    let user = stat.anon().saturating_add(stat.shmem()).saturating_add(stat.file());
    let user = user.saturating_add(stat.swap_cache()).saturating_add(stat.sum(&["sock", "hugetlb"]));
    user.saturating_add(stat.bytes("kernel").max(of_kernel(stat)))
}

fn of_kernel(stat: Stat<'_>) -> u64 {
    KERNEL.iter().fold(0, |sum: u64, (_, name, _, _)| sum.saturating_add(stat.bytes(name)))
}

/// Returns the anonymous memory that existed at the decision but was freed before `memory.stat` was read. `memory.stat` lacks it,
/// the counters of the processes include it, and the victims held at least as much.
fn returned(incident: &Incident, stat: Stat<'_>, members: Option<Members>, usage: u64) -> u64 {
    let (of_victims, _) = members::of_victims(incident).unwrap_or_default();
    let held = members.map_or(of_victims, |members| members.anon.max(of_victims));
    let missing = held.saturating_sub(stat.anon());
    usage.saturating_sub(known(stat)).min(missing).min(of_victims)
}

/// Enters the anonymous memory and returns the part that the members hold.
fn enter_anon(
    ledger: &mut Ledger,
    stat: Stat<'_>,
    swap: Swap,
    members: Option<Members>,
    returned: u64,
) -> u64 {
    let charged = stat.anon().saturating_add(returned);
    // When a process moves to another cgroup, its charges stay in the old one.
    let own = |members: &Members| {
        let room = members.count.saturating_mul(HELD_BACK_BYTES).saturating_add((1 << 20).max(charged / 10));
        let of_nobody = charged.saturating_sub(members.anon);
        if of_nobody > room { charged.saturating_sub(of_nobody) } else { charged }
    };
    let own = members.as_ref().map_or(charged, own);
    let entered = ledger.enter(What::Anon, own, swap.has_room(), true);
    ledger.enter(What::AnonLeftBehind, charged.saturating_sub(own), swap.has_room(), false);
    ledger.enter(What::SwapCache, stat.swap_cache(), true, true);
    entered
}

/// Enters the shared memory. It counts as files in tmpfs if the size of a mount fits or if no member maps it.
fn enter_shared(
    ledger: &mut Ledger,
    incident: &Incident,
    stat: Stat<'_>,
    swap: Swap,
    members: Option<Members>,
) -> Shared {
    let (shmem, around) = (stat.shmem(), incident.surroundings.as_deref());
    let mapped = members.map(|members| members.shmem);
    let unmapped = mapped.map(|mapped| shmem.saturating_sub(mapped));
    let in_mounts = around.and_then(shared::tmpfs_bytes);
    let fitting = around.and_then(|around| shared::mount_near(around, shmem)).map(|mount| mount.used_bytes);
    let tmpfs = fitting.or_else(|| in_mounts.map(|bytes| unmapped.map_or(bytes, |free| free.min(bytes))));
    let sysv = around.and_then(|around| around.sysv_shm_bytes).filter(|_| fitting.is_none());
    let shared = shared::split(shmem, tmpfs, sysv, mapped);
    ledger.enter(What::Tmpfs, shared.tmpfs, swap.has_room(), false);
    ledger.enter(What::SysvShm, shared.sysv, swap.has_room(), false);
    ledger.enter(What::Shmem, shared.other, swap.has_room(), shared.is_other_mapped);
    shared
}

/// Enters the kernel memory and returns the most that page tables can take of it. The part of `kernel` that the finer counters do not
/// cover becomes a part of its own. `kernel` exists since 5.18 and `pagetables` since 5.13. On older kernels, and on those that do not
/// count them for cgroups, the members' own counters give the page tables.
fn enter_kernel(ledger: &mut Ledger, stat: Stat<'_>, members: Option<Members>) -> u64 {
    for (what, name, reclaimable, freed_by_kill) in KERNEL {
        ledger.enter(what, stat.bytes(name), reclaimable, freed_by_kill);
    }
    let rest = stat.bytes("kernel").saturating_sub(of_kernel(stat));
    let of_members = members.map_or(0, |members| members.tables);
    let (own, most) = match stat.get("pagetables") {
        None => (of_members, u64::MAX),
        Some(0) if of_members > TABLES_HELD_BACK_BYTES => (of_members.min(rest), of_members.min(rest)),
        Some(counted) => (0, counted),
    };
    let entered = ledger.enter(What::PageTables, own, false, true);
    ledger.enter(What::Kernel, rest.saturating_sub(entered), false, None);
    most
}
