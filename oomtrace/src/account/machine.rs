//! Builds the machine's account of all memory that the page allocator manages.

use super::{
    Account, Whole,
    figures::Figures,
    free::{self, Free},
    holder,
    ledger::{Ledger, What},
    members::{self, Members},
    names::Names,
    reasons, shared,
    shared::Shared,
    swap::Swap,
};
use crate::incident::{Incident, MemoryState, StateSource};

/// Accounts for the machine's memory. Returns `None` if it was not read.
#[must_use]
pub fn of_machine(incident: &Incident) -> Option<Account> {
    let state = incident.memory_state.as_deref()?;
    let figures = Figures::of(state, incident.page_size());
    let total_bytes = figures.managed()?;
    let (swap, members) = (Swap::of_machine(incident), Members::of(incident));
    let free = free::split(incident, state);
    let mut ledger = Ledger::new(total_bytes);
    enter_free(&mut ledger, figures, &free);
    let victims_anon = members::of_victims(incident).map_or(0, |(anon, _)| anon);
    // The BPF programs read before the kill. When procfs is read, the victims may already be dying.
    let may_return = if state.source == StateSource::Procfs { victims_anon } else { 0 };
    let (anon, returned) = enter_anon(&mut ledger, figures, swap, may_return);
    let shared = enter_shared(&mut ledger, incident, figures, swap, members);
    ledger.enter(What::File, page_cache(figures), true, false);
    let tables = enter_kernel(&mut ledger, figures);
    enter_rest(&mut ledger, incident, figures);
    let (parts, unexplained_bytes) = ledger.close();
    let candidates_bytes = members.map(|members| {
        members.candidates_anon.min(anon).saturating_add(members.candidates_tables.min(tables))
    });
    let mut account = Account {
        of: Whole::Machine,
        total_bytes,
        candidates_bytes,
        victim_bytes: members::of_victims(incident)
            .map(|(anon, tables)| anon.saturating_add(tables).min(total_bytes)),
        locked_bytes: figures.node(&["nr_unevictable"], "Unevictable"),
        dirty_bytes: dirty(figures),
        returned_bytes: (returned > 0).then_some(returned),
        unexplained_bytes,
        parts,
        holder: None,
        reasons: Vec::new(),
    };
    account.holder = holder::find(incident, &account, members);
    account.reasons = reasons::of_machine(&account, &free, swap, &surroundings(incident, state, &shared));
    Some(account)
}

/// Collects the names that the reasons mention.
fn surroundings(incident: &Incident, state: &MemoryState, shared: &Shared) -> Names {
    let around = incident.surroundings.as_deref();
    let slabs = around.and_then(|around| around.slabs.as_ref());
    let largest = slabs.and_then(|slabs| slabs.iter().find(|slab| slab.reclaimable != Some(true)));
    let (huge_total, huge_free) = huge_pages(incident, state);
    Names {
        mount: shared::mount_of(around, shared.tmpfs, true),
        slab: largest.map(|slab| (slab.name.clone(), slab.bytes)),
        huge_pages_free: huge_total.and(huge_free),
        order: incident.request.map_or(0, |request| request.order),
        page_size: incident.page_size(),
        is_v1: false,
        has_kernel: false,
        lacks_page_tables: false,
    }
}

fn enter_free(ledger: &mut Ledger, figures: Figures<'_>, free: &Free) {
    if figures.is_whole() {
        ledger.enter_free(What::Free, free.usable);
        ledger.enter_free(What::FreeReserved, free.reserved);
        ledger.enter_free(What::FreeOtherZone, free.other_zone());
        ledger.enter_free(What::FreeOtherNode, free.other_node());
        ledger.enter_free(What::FreeCma, free.cma);
        ledger.enter_free(What::FreeHighatomic, free.highatomic);
        ledger.enter_free(What::FreeFragmented, free.fragmented);
    } else {
        ledger.enter_free(What::Free, figures.meminfo("MemFree").unwrap_or(0));
    }
    ledger.enter_free(What::PercpuLists, figures.percpu_lists().unwrap_or(0));
}

/// Enters anonymous memory and swap cache. Returns the anonymous memory, and the part of it that dying victims have unmapped.
///
/// `NR_ANON_MAPPED` counts mapped pages. A swap cache page that no process maps is on an LRU list and in `NR_FILE_PAGES`, but it
/// is neither anonymous memory nor page cache. The excess of the LRU lists over those two is therefore swap cache.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/swap_state.c#L87> (`add_to_swap_cache`)
///
/// A dying process unmaps up to 10,000 pages before it frees them (`MAX_GATHER_BATCH_COUNT`). These pages are on the lists but no
/// longer mapped. They are at most `may_return` bytes.
/// <https://github.com/torvalds/linux/blob/v6.12/include/asm-generic/tlb.h#L235>
fn enter_anon(ledger: &mut Ledger, figures: Figures<'_>, swap: Swap, may_return: u64) -> (u64, u64) {
    let anon = figures.node(&["nr_anon_mapped", "nr_anon_pages"], "AnonPages").unwrap_or(0);
    let swap_cache = swap_cache(figures);
    let lists = ["inactive_anon", "active_anon", "inactive_file", "active_file"];
    let names = ["Inactive(anon)", "Active(anon)", "Inactive(file)", "Active(file)"];
    let each = lists.iter().zip(names).map(|(list, name)| figures.node(&[&format!("nr_{list}")], name));
    let isolated = ["nr_isolated_anon", "nr_isolated_file"].map(|name| figures.node(&[name], ""));
    let unevictable = figures.node(&["nr_unevictable"], "Unevictable");
    let on_lists = each
        .chain(isolated)
        .chain([unevictable])
        .flatten()
        .fold(0, |sum: u64, bytes| sum.saturating_add(bytes));
    let owned = anon.saturating_add(page_cache(figures)).saturating_add(shmem(figures));
    let beyond = on_lists.saturating_sub(owned);
    let in_swap_cache = beyond.min(swap_cache);
    let returned = beyond.saturating_sub(in_swap_cache).min(may_return);
    let entered = ledger.enter(What::Anon, anon.saturating_add(returned), swap.has_room(), true);
    ledger.enter(What::SwapCache, in_swap_cache, true, true);
    (entered, returned.min(entered))
}

fn swap_cache(figures: Figures<'_>) -> u64 {
    figures.node(&["nr_swapcache", "nr_swapcached"], "SwapCached").unwrap_or(0)
}

fn shmem(figures: Figures<'_>) -> u64 {
    figures.node(&["nr_shmem"], "Shmem").unwrap_or(0)
}

/// Returns the page cache. `NR_FILE_PAGES` also counts shared memory and swap cache; `/proc/meminfo` reports the rest in two
/// lines.
/// <https://github.com/torvalds/linux/blob/v6.12/fs/proc/meminfo.c#L46>
fn page_cache(figures: Figures<'_>) -> u64 {
    let of_nodes = figures.node(&["nr_file_pages"], "");
    let of_meminfo = || {
        let cached = figures.meminfo("Cached").unwrap_or(0);
        Some(cached.saturating_add(figures.meminfo("Buffers").unwrap_or(0)).saturating_sub(shmem(figures)))
    };
    let cache = |pages: u64| pages.saturating_sub(shmem(figures)).saturating_sub(swap_cache(figures));
    of_nodes.map(cache).or_else(of_meminfo).unwrap_or(0)
}

fn dirty(figures: Figures<'_>) -> Option<u64> {
    let dirty = figures.node(&["nr_file_dirty", "nr_dirty"], "Dirty")?;
    Some(dirty.saturating_add(figures.node(&["nr_writeback"], "Writeback").unwrap_or(0)))
}

/// Enters the shared memory. A tmpfs also counts its swapped-out pages, so it may hold more than is resident.
fn enter_shared(
    ledger: &mut Ledger,
    incident: &Incident,
    figures: Figures<'_>,
    swap: Swap,
    members: Option<Members>,
) -> Shared {
    let around = incident.surroundings.as_deref();
    let tmpfs = around.and_then(shared::tmpfs_bytes);
    let sysv = around.and_then(|around| around.sysv_shm_bytes);
    let shared = shared::split(shmem(figures), tmpfs, sysv, members.map(|members| members.shmem));
    ledger.enter(What::Tmpfs, shared.tmpfs, swap.has_room(), false);
    ledger.enter(What::SysvShm, shared.sysv, swap.has_room(), false);
    ledger.enter(What::Shmem, shared.other, swap.has_room(), shared.is_other_mapped);
    shared
}

/// Enters slab, stacks and page tables. Returns the page tables.
fn enter_kernel(ledger: &mut Ledger, figures: Figures<'_>) -> u64 {
    let node = |names: &[&str], meminfo| figures.node(names, meminfo).unwrap_or(0);
    let unreclaimable = node(&["nr_slab_unreclaimable_b", "nr_slab_unreclaimable"], "SUnreclaim");
    ledger.enter(What::SlabUnreclaimable, unreclaimable, false, None);
    let reclaimable = node(&["nr_slab_reclaimable_b", "nr_slab_reclaimable"], "SReclaimable");
    ledger.enter(What::SlabReclaimable, reclaimable, true, false);
    let misc = node(&["nr_kernel_misc_reclaimable"], "");
    ledger.enter(What::KernelMiscReclaimable, misc, true, false);
    ledger.enter(What::KernelStack, kernel_stack(figures), false, true);
    // Up to 5.10, this is a zone counter.
    let pages = figures.node(&["nr_pagetable", "nr_page_table_pages"], "");
    let tables = pages.or_else(|| figures.zone(&["nr_pagetable", "nr_page_table_pages"], "PageTables"));
    let tables = ledger.enter(What::PageTables, tables.unwrap_or(0), false, true);
    let second = node(&["nr_secondary_pagetable", "nr_sec_page_table_pages"], "SecPageTables");
    ledger.enter(What::SecondaryPageTables, second, false, None);
    tables
}

fn kernel_stack(figures: Figures<'_>) -> u64 {
    figures.node(&["nr_kernel_stack_kb", "nr_kernel_stack"], "KernelStack").unwrap_or(0)
}

/// Enters counters that exist only for the whole machine or may lie outside the managed memory. They are the least reliable and
/// come last.
fn enter_rest(ledger: &mut Ledger, incident: &Incident, figures: Figures<'_>) {
    if let Some(state) = incident.memory_state.as_deref() {
        ledger.enter(What::HugePages, huge_pages(incident, state).0.unwrap_or(0), false, false);
    }
    ledger.enter(What::Zspages, figures.zone(&["nr_zspages"], "Zswap").unwrap_or(0), false, None);
    ledger.enter(What::Bounce, figures.zone(&["nr_bounce"], "Bounce").unwrap_or(0), false, false);
    let gpu = figures.node(&["nr_gpu_active"], "GPUActive").unwrap_or(0);
    ledger.enter(What::Gpu, gpu, false, None);
    ledger.enter(What::Gpu, figures.node(&["nr_gpu_reclaim"], "GPUReclaim").unwrap_or(0), true, false);
    // Kernel stacks are vmalloc areas (`CONFIG_VMAP_STACK`) and are counted there as well.
    // https://github.com/torvalds/linux/blob/v6.12/kernel/fork.c#L297
    let vmalloc = figures.node(&["nr_vmalloc"], "VmallocUsed").unwrap_or(0);
    ledger.enter(What::Vmalloc, vmalloc.saturating_sub(kernel_stack(figures)), false, None);
    // The counter includes the first chunk of per-CPU memory, which the kernel took at boot, before the page allocator existed.
    ledger.enter(What::Percpu, figures.meminfo("Percpu").unwrap_or(0), false, false);
    // A balloon that does not deflate at an OOM removes its pages from the managed memory.
    // https://github.com/torvalds/linux/blob/v6.12/drivers/virtio/virtio_balloon.c#L268
    let balloon = figures.node(&["nr_balloon_pages"], "Balloon").unwrap_or(0);
    ledger.enter(What::Balloon, if balloon <= ledger.left() { balloon } else { 0 }, false, false);
}

/// Returns the bytes in all huge page pools, and the free bytes among them. Free huge pages are in the pools, not in the page
/// allocator, and `NR_HUGETLB` counts only those in use.
fn huge_pages(incident: &Incident, state: &MemoryState) -> (Option<u64>, Option<u64>) {
    let pools = incident.surroundings.as_ref().and_then(|around| around.huge_pools.as_ref());
    let line = |name: &str| state.meminfo.as_ref().and_then(|meminfo| meminfo.get(name).copied());
    let Some(pools) = pools else {
        let of_default = line("HugePages_Total").zip(line("Hugepagesize"));
        let total = line("Hugetlb").or_else(|| of_default.map(|(count, size)| count.saturating_mul(size)));
        let free = line("HugePages_Free").zip(line("Hugepagesize"));
        return (total, free.map(|(count, size)| count.saturating_mul(size)));
    };
    // Prefer the machine's own sums over those of the nodes.
    let whole = pools.iter().any(|pool| pool.node.is_none());
    let counted = pools.iter().filter(|pool| pool.node.is_none() == whole);
    let add = |(total, free): (u64, u64), pool: &crate::incident::HugePool| {
        let bytes = |pages: u64| pages.saturating_mul(pool.size_bytes);
        (total.saturating_add(bytes(pool.total)), free.saturating_add(bytes(pool.free)))
    };
    let (total, free) = counted.fold((0, 0), add);
    (Some(total), Some(free))
}
