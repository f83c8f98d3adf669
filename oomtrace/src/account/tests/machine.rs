use super::example::{MIB, adds_up, candidate, decide, machine, mib, mounts, movable, node, pages, zone};
use crate::{
    account::{What, of_machine},
    incident::{HugePool, Incident, MemoryState, StateSource, Surroundings},
};
use std::rc::Rc;

#[test]
fn accounts_for_kernel_pages_that_no_counter_covers() {
    let account = of_machine(&machine(movable(), 0, 0)).unwrap();
    adds_up(&account);
    assert_eq!(account.total_bytes, 940 * MIB);
    assert_eq!(mib(&account, What::FreeOtherZone), 680);
    assert_eq!(mib(&account, What::FreeReserved), 1);
    assert_eq!(mib(&account, What::PercpuLists), 2);
    assert_eq!(mib(&account, What::Anon), 9);
    assert_eq!((mib(&account, What::File), mib(&account, What::Shmem)), (3, 1));
    assert_eq!(mib(&account, What::Vmalloc), 1, "kernel stacks are not counted twice");
    assert_eq!(account.unexplained_bytes, 232 * MIB);
    assert_eq!(account.parts[0].what, What::FreeOtherZone, "largest first");
}

#[test]
fn counts_the_swap_cache_once() {
    // The swap cache has 40 MiB. 15 MiB of it are mapped and therefore count as anonymous memory.
    let state = MemoryState {
        class: Some(2),
        zones: vec![zone(2, "Normal", 500, 10, 8)],
        nodes: vec![node(&[
            ("nr_anon_mapped", 200),
            ("nr_file_pages", 140),
            ("nr_shmem", 30),
            ("nr_swapcache", 40),
            ("nr_inactive_anon", 150),
            ("nr_active_anon", 105),
            ("nr_inactive_file", 60),
            ("nr_active_file", 10),
        ])],
        swap_total_bytes: Some(64 * MIB),
        swap_free_bytes: Some(0),
        ..MemoryState::default()
    };
    let account = of_machine(&machine(state, 0, 0)).unwrap();
    adds_up(&account);
    assert_eq!(mib(&account, What::SwapCache), 25);
    assert_eq!((mib(&account, What::Anon), mib(&account, What::File)), (200, 70));
    assert_eq!(account.unexplained_bytes, (500 - 10 - 1 - 200 - 25 - 30 - 70) * MIB);
}

#[test]
fn counts_pages_unmapped_by_a_dying_victim_as_anonymous_memory() {
    // A guest of 5.10 showed these figures: 29 MiB are on the lists, but no process maps them any more.
    let with = |source, victim_mib| {
        let state = MemoryState {
            source,
            zones: vec![zone(1, "DMA32", 457, 6, 2)],
            nodes: vec![node(&[
                ("nr_anon_mapped", 376),
                ("nr_file_pages", 16),
                ("nr_shmem", 16),
                ("nr_inactive_anon", 412),
                ("nr_unevictable", 9),
            ])],
            ..MemoryState::default()
        };
        let mut incident = machine(state, 0, 0);
        decide(&mut incident, vec![candidate(80, "hog", victim_mib, Some(9))]);
        let account = of_machine(&incident).unwrap();
        adds_up(&account);
        (mib(&account, What::Anon), account.returned_bytes.map(|bytes| bytes / MIB))
    };
    assert_eq!(with(StateSource::Procfs, 386), (405, Some(29)));
    assert_eq!(with(StateSource::Procfs, 10), (386, Some(10)), "a victim returns no more than it had");
    assert_eq!(with(StateSource::Decision, 386), (376, None), "nobody was killed yet");
}

#[test]
fn splits_shared_memory_by_holder() {
    let mut state = movable();
    state.nodes = vec![node(&[("nr_shmem", 230), ("nr_file_pages", 230)])];
    let mut incident = machine(state, 0, 0);
    let around = mounts(&[("/big", 150), ("/big/again", 150), ("/run", 10)]);
    incident.surroundings = Some(Rc::new(Surroundings { sysv_shm_bytes: Some(40 * MIB), ..around }));
    let account = of_machine(&incident).unwrap();
    adds_up(&account);
    let of = [What::Tmpfs, What::SysvShm, What::Shmem].map(|what| mib(&account, what));
    assert_eq!(of, [160, 40, 30], "a tmpfs that is mounted twice counts once");
    let freed = |what| account.parts.iter().find(|part| part.what == what).unwrap().freed_by_kill;
    assert_eq!([What::Tmpfs, What::SysvShm, What::Shmem].map(freed), [Some(false), Some(false), None]);
}

#[test]
fn counts_used_and_unused_huge_pages_of_all_pools() {
    let pool =
        |size_bytes, node, total| HugePool { size_bytes, node, total, free: total, ..HugePool::default() };
    let pools = vec![pool(2 * MIB, None, 50), pool(2 * MIB, Some(0), 50), pool(32 * MIB, None, 2)];
    let mut incident = machine(movable(), 0, 0);
    incident.surroundings =
        Some(Rc::new(Surroundings { huge_pools: Some(pools), ..Surroundings::default() }));
    let account = of_machine(&incident).unwrap();
    adds_up(&account);
    assert_eq!(mib(&account, What::HugePages), 164);
}

#[test]
fn leaves_out_balloon_outside_the_managed_memory() {
    let with = |balloon| {
        let mut state = movable();
        state.nodes[0].counters.insert("nr_balloon_pages".to_owned(), balloon * MIB);
        of_machine(&machine(state, 0, 0)).unwrap()
    };
    assert_eq!((mib(&with(200), What::Balloon), mib(&with(500), What::Balloon)), (200, 0));
}

#[test]
fn falls_back_to_meminfo_if_zones_are_missing() {
    let meminfo = [
        ("MemTotal", 900),
        ("MemFree", 20),
        ("AnonPages", 500),
        ("Cached", 100),
        ("Buffers", 5),
        ("Shmem", 30),
    ];
    let state = MemoryState {
        zones_left_out: 3,
        meminfo: Some(meminfo.map(|(name, mib)| (name.to_owned(), mib * MIB)).into()),
        ..movable()
    };
    let account = of_machine(&machine(state, 0, 0)).unwrap();
    adds_up(&account);
    let of = [What::Free, What::Anon, What::File, What::Shmem].map(|what| mib(&account, what));
    assert_eq!(of, [20, 500, 75, 30]);
    assert_eq!(account.total_bytes, 900 * MIB);
}

#[test]
fn gives_no_account_if_nothing_was_read() {
    assert_eq!(of_machine(&Incident::default()), None);
    assert_eq!(of_machine(&machine(MemoryState::default(), 0, 0)), None);
    let unsized_zone = crate::incident::Zone { managed_pages: None, ..zone(2, "Normal", 1, 1, 1) };
    let state = MemoryState { zones: vec![unsized_zone], ..movable() };
    assert_eq!(of_machine(&machine(state, 0, 0)), None, "without MemTotal either");
    assert_eq!(pages(1), 256);
}
