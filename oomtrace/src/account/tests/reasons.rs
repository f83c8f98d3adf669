use std::rc::Rc;

use super::example::{
    MIB, MOVABLE, adds_up, blocks, candidate, decide, machine, mib, mounts, movable, node, pages, zone,
};
use crate::{
    account::{Account, Reason, ReasonCode, What, of_machine},
    incident::{Incident, MemoryState, Surroundings, SwapSpace, Zone},
};

fn codes(account: &Account) -> Vec<&'static str> {
    account.reasons.iter().map(|reason| reason.code.name()).collect()
}

fn text(account: &Account, code: ReasonCode) -> &str {
    &account.reasons.iter().find(|reason| reason.code == code).unwrap().text
}

/// Builds a machine with one zone.
fn normal(free_mib: u64, counters: &[(&str, u64)]) -> MemoryState {
    MemoryState {
        class: Some(2),
        zones: vec![zone(2, "Normal", 445, free_mib, 4)],
        nodes: vec![node(counters)],
        swap_total_bytes: Some(0),
        swap_free_bytes: Some(0),
        ..MemoryState::default()
    }
}

fn account(incident: &Incident) -> Account {
    let account = of_machine(incident).unwrap();
    adds_up(&account);
    account
}

/// The movable case.
#[test]
fn ranks_free_memory_in_a_higher_zone_first() {
    let mut incident = machine(movable(), 0, 0);
    decide(&mut incident, vec![candidate(5, "sh", 9, Some(300))]);
    let account = account(&incident);
    assert_eq!(codes(&account), ["other_zone", "unexplained", "exhausted"]);
    assert_eq!(
        text(&account, ReasonCode::OtherZone),
        "680 MiB is free in zone Movable, which this allocation cannot use"
    );
    assert_eq!(
        text(&account, ReasonCode::Exhausted),
        "zone DMA32 has 1.0 MiB free, and 2.0 MiB must stay free"
    );
    assert_eq!(
        account.clause().unwrap(),
        "680 MiB is free in zone Movable, which this allocation cannot use, and all candidates together hold 9 of 940 MiB"
    );
}

#[test]
fn ranks_free_memory_on_other_nodes_first() {
    let mut state = normal(3, &[("nr_anon_mapped", 400)]);
    state.zones.push(Zone { node: 1, ..zone(2, "Normal", 500, 480, 4) });
    state.allowed_nodes = Some(vec![0]);
    let account = account(&machine(state, MOVABLE, 0));
    assert_eq!(codes(&account)[0], "other_node");
    assert_eq!(
        text(&account, ReasonCode::OtherNode),
        "480 MiB is free on node 1, which this allocation may not use"
    );
    assert_eq!(mib(&account, What::FreeOtherNode), 480);
}

#[test]
fn tells_free_memory_on_other_nodes_before_an_exempt_holder() {
    let mut state = normal(3, &[("nr_anon_mapped", 400)]);
    state.zones.push(Zone { node: 1, ..zone(2, "Normal", 500, 480, 4) });
    state.allowed_nodes = Some(vec![0]);
    let mut incident = machine(state, MOVABLE, 0);
    decide(&mut incident, vec![candidate(5, "sh", 9, Some(300)), candidate(9, "backup", 300, None)]);
    let account = account(&incident);
    let [first, holder] = [&account.reasons[0].text, &account.holder.as_ref().unwrap().text];
    assert!(holder.starts_with("backup (pid 9) holds 300 of "), "{holder}");
    assert_eq!(account.clause(), Some(format!("{first}, and {holder}")));
}

#[test]
fn reports_cma_if_the_allocation_is_not_movable() {
    let mut state = normal(60, &[("nr_anon_mapped", 300)]);
    state.zones[0].cma_free_pages = Some(pages(58));
    let kernel = account(&machine(state.clone(), 0, 0));
    assert_eq!((codes(&kernel)[0], mib(&kernel, What::FreeCma)), ("cma", 58));
    assert_eq!(
        text(&kernel, ReasonCode::Cma),
        "58.0 MiB is free as CMA, which only movable allocations may use"
    );
    let user = account(&machine(state, MOVABLE, 0));
    assert_eq!((mib(&user, What::FreeCma), mib(&user, What::Free)), (0, 56));
}

/// The fragmentation case: order 3, and only single pages are free.
#[test]
fn fragmentation_names_the_missing_block_size() {
    let mut state = normal(230, &[("nr_anon_mapped", 150), ("nr_slab_unreclaimable_b", 40)]);
    let none: &[&str] = &[];
    state.zones[0].free_blocks =
        blocks(&[(40_000, &["movable"]), (9_000, &["movable"]), (5, &["unmovable"]), (0, none)]);
    let account = account(&machine(state.clone(), 0, 3));
    assert_eq!(codes(&account)[0], "fragmented");
    assert_eq!(text(&account, ReasonCode::Fragmented), "no free block of 32 KiB although 230 MiB is free");
    assert_eq!(mib(&account, What::FreeFragmented), 226);
    // A block for atomic allocations does not count. A block of any ordinary type does.
    for (types, fragmented) in
        [(&["highatomic", "isolate"][..], true), (&["reclaimable"], false), (&["cma"], true)]
    {
        state.zones[0].free_blocks.truncate(3);
        state.zones[0].free_blocks.extend(blocks(&[(1, types)]));
        let found = of_machine(&machine(state.clone(), 0, 3)).unwrap();
        assert_eq!(mib(&found, What::FreeFragmented) > 0, fragmented, "{types:?}");
    }
    // The last block was CMA, which a movable allocation may use.
    assert_eq!(mib(&of_machine(&machine(state, MOVABLE, 3)).unwrap(), What::FreeFragmented), 0);
}

/// An ordinary shortage: the sentence needs no clause.
#[test]
fn adds_no_clause_for_an_ordinary_shortage() {
    let mut incident =
        machine(normal(3, &[("nr_anon_mapped", 400), ("nr_slab_reclaimable_b", 25)]), MOVABLE, 0);
    decide(&mut incident, vec![candidate(5, "hog", 380, Some(97_000)), candidate(6, "sh", 1, Some(300))]);
    let account = account(&incident);
    assert_eq!(codes(&account), ["exhausted", "no_swap"]);
    assert_eq!(account.clause(), None);
    assert_eq!(
        text(&account, ReasonCode::NoSwap),
        "400 of 445 MiB is anonymous memory, which reclaim cannot free without swap"
    );
}

/// The shm case.
#[test]
fn names_the_mount_of_tmpfs() {
    let counters = [("nr_anon_mapped", 90), ("nr_shmem", 300), ("nr_file_pages", 310)];
    let mut incident = machine(normal(3, &counters), MOVABLE, 0);
    incident.surroundings = Some(Rc::new(mounts(&[("/big", 299), ("/run", 1)])));
    let account = account(&incident);
    assert_eq!(codes(&account)[..2], ["tmpfs", "exhausted"]);
    assert_eq!(text(&account, ReasonCode::Tmpfs), "300 of 445 MiB is tmpfs at /big, which no kill frees");
}

/// Returns the first reason for a machine with one zone.
fn lead(counters: &[(&str, u64)], alter: impl FnOnce(&mut MemoryState)) -> Reason {
    let mut state = normal(3, counters);
    alter(&mut state);
    account(&machine(state, MOVABLE, 0)).reasons.remove(0)
}

#[test]
fn reports_full_swap_and_locked_memory() {
    let swap = lead(&[("nr_anon_mapped", 400)], |state| {
        (state.swap_total_bytes, state.swap_free_bytes) = (Some(128 * MIB), Some(MIB / 2));
    });
    assert_eq!(swap.code, ReasonCode::SwapFull);
    assert_eq!(swap.text, "swap of 128 MiB is full, so reclaim cannot free 400 MiB of anonymous memory");
    let locked = lead(&[("nr_anon_mapped", 400), ("nr_unevictable", 300)], |_| {});
    assert_eq!(locked.code, ReasonCode::Locked);
}

#[test]
fn counts_small_swap_as_full_although_some_pages_are_free() {
    let is_full = |total: u64, free: u64| {
        let mut state = normal(3, &[("nr_anon_mapped", 400)]);
        (state.swap_total_bytes, state.swap_free_bytes) = (Some(total), Some(free));
        codes(&account(&machine(state, MOVABLE, 0))).contains(&"swap_full")
    };
    assert!(is_full(12 * MIB, 44 * 4096));
    assert!(!is_full(12 * MIB, 65 * 4096));
    assert!(!is_full(MIB, MIB / 4), "a quarter of it is free");
    assert!(is_full(160 * MIB, MIB));
    assert!(!is_full(160 * MIB, 2 * MIB));
}

#[test]
fn takes_swap_at_the_decision_and_not_what_the_victim_freed_afterwards() {
    let mut state = normal(3, &[("nr_anon_mapped", 400)]);
    (state.swap_total_bytes, state.swap_free_bytes) = (Some(8 * MIB), Some(7 * MIB));
    let mut incident = machine(state, MOVABLE, 0);
    assert!(!codes(&account(&incident)).contains(&"swap_full"));
    incident.swap = Some(SwapSpace { free_pages: 3, total_pages: 2048 });
    assert!(codes(&account(&incident)).contains(&"swap_full"));
}

#[test]
fn reports_page_tables_huge_pages_and_unexplained_memory() {
    let tables = lead(&[("nr_anon_mapped", 90), ("nr_pagetable", 300)], |_| {});
    assert_eq!(
        (tables.code, tables.text.as_str()),
        (ReasonCode::PageTables, "300 of 445 MiB is page tables")
    );
    let huge = lead(&[("nr_anon_mapped", 90)], |state| {
        let lines = [("Hugetlb", 300 * MIB), ("HugePages_Free", 100), ("Hugepagesize", 2 * MIB)];
        state.meminfo = Some(lines.map(|(name, value)| (name.to_owned(), value)).into());
    });
    assert_eq!(
        huge.text,
        "300 of 445 MiB is in huge pages (200 MiB of them unused), which serve no other allocation"
    );
    let rings = lead(&[("nr_anon_mapped", 90)], |_| {});
    assert_eq!(rings.code, ReasonCode::Unexplained);
    assert!(
        rings.text.starts_with("351 of 445 MiB is kernel memory that no counter covers"),
        "{}",
        rings.text
    );
}

#[test]
fn names_the_largest_cache_of_slab() {
    let cache = |name: &str, mib: u64, reclaimable| crate::incident::Slab {
        name: name.to_owned(),
        bytes: mib * MIB,
        reclaimable: Some(reclaimable),
    };
    let slabs = vec![cache("dentry", 290, true), cache("kmalloc-4k", 280, false)];
    let mut incident =
        machine(normal(3, &[("nr_anon_mapped", 90), ("nr_slab_unreclaimable_b", 300)]), MOVABLE, 0);
    incident.surroundings = Some(Rc::new(Surroundings { slabs: Some(slabs), ..Surroundings::default() }));
    assert_eq!(
        text(&account(&incident), ReasonCode::Slab),
        "300 of 445 MiB is unreclaimable slab (280 MiB of it in kmalloc-4k)"
    );
}

/// The tracepoint tier does not record which zones the allocation could use.
#[test]
fn does_not_split_free_memory_without_a_class() {
    let state = MemoryState { class: None, ..movable() };
    let account = account(&machine(state, 0, 0));
    assert_eq!((mib(&account, What::Free), mib(&account, What::FreeOtherZone)), (681, 0));
    assert_eq!(codes(&account), ["unexplained"]);
}

#[test]
fn counts_reserves_and_boosts_as_memory_that_must_stay_free() {
    let mut state = normal(9, &[("nr_anon_mapped", 400)]);
    state.zones[0].boost_pages = Some(pages(2));
    state.zones[0].reserve_pages = vec![0, 0, pages(3)];
    let account = account(&machine(state.clone(), MOVABLE, 0));
    assert_eq!(codes(&account)[0], "exhausted");
    assert_eq!(
        text(&account, ReasonCode::Exhausted),
        "zone Normal has 9.0 MiB free, and 9.0 MiB must stay free"
    );
    state.zones[0].highatomic_pages = Some(pages(40));
    let account = of_machine(&machine(state, MOVABLE, 0)).unwrap();
    assert_eq!(mib(&account, What::FreeHighatomic), 9);
}
