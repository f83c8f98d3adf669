use super::example::{adds_up, candidate, cgroup, decide, machine, movable, node, task, zone};
use crate::{
    account::{HolderKind, What, of_cgroup, of_machine},
    incident::{Candidate, MemoryState, PassedOver},
};

/// The exempt_hog case.
#[test]
fn names_the_largest_process_that_is_exempt() {
    let mut incident = cgroup(&[("anon", 31_000)], 32_768);
    let hog = candidate(9, "backup", 28, None);
    decide(&mut incident, vec![candidate(5, "rtorrent", 1, Some(400)), hog, candidate(8, "sshd", 1, None)]);
    let account = of_cgroup(&incident, 7).unwrap();
    adds_up(&account);
    let holder = account.holder.as_ref().unwrap();
    assert_eq!((holder.kind, holder.pid), (HolderKind::Exempt, Some(9)));
    assert_eq!(holder.text, "backup (pid 9) holds 28.0 of 32.0 MiB and is exempt by oom_score_adj -1000");
    assert_eq!(account.clause().as_deref(), Some(holder.text.as_str()));
}

#[test]
fn names_init_unless_the_victim_held_more() {
    let init = |anon| {
        let mut incident = cgroup(&[("anon", (10 + anon) << 10)], 32_768);
        let row = candidate(1, "systemd", anon, None);
        let init = Candidate { passed_over: Some(PassedOver::Init), ..row };
        decide(&mut incident, vec![candidate(5, "hog", 10, Some(400)), init]);
        of_cgroup(&incident, 7).unwrap().holder
    };
    let holder = init(20).unwrap();
    assert_eq!(holder.kind, HolderKind::Init);
    assert!(holder.text.ends_with("cannot be killed as the init of the machine"), "{}", holder.text);
    assert_eq!(init(9), None);
}

/// The adj200 case: four small services with an adjustment die before many larger ones.
#[test]
fn names_many_processes_that_each_score_less() {
    let state = MemoryState {
        class: Some(2),
        zones: vec![zone(2, "Normal", 480, 10, 8)],
        nodes: vec![node(&[("nr_anon_mapped", 330)])],
        ..movable()
    };
    let mut incident = machine(state, 0, 0);
    let small = Candidate { task: task(5, "pipewire", 2, 200), points: Some(25_900), passed_over: None };
    let many = (10..30).map(|pid| candidate(pid, "bug", 16, Some(4_100)));
    decide(&mut incident, [small].into_iter().chain(many).collect());
    let account = of_machine(&incident).unwrap();
    adds_up(&account);
    let holder = account.holder.as_ref().unwrap();
    assert_eq!((holder.kind, holder.processes), (HolderKind::Many, Some(20)));
    assert_eq!(
        holder.text,
        "20 processes named bug hold 320 of 480 MiB together, and each scored less; \
         oom_score_adj 200 of the victim counts as 100 MiB"
    );
}

/// The forkbomb case.
#[test]
fn names_stacks_and_page_tables_of_a_fork_bomb() {
    let stat = [
        ("anon", 3_000),
        ("kernel", 29_000),
        ("kernel_stack", 4_000),
        ("pagetables", 14_000),
        ("slab_unreclaimable", 9_000),
        ("slab_reclaimable", 1_000),
    ];
    let mut incident = cgroup(&stat, 32_700);
    decide(&mut incident, (10..260).map(|pid| candidate(pid, "bug", 0, Some(30))).collect());
    let account = of_cgroup(&incident, 7).unwrap();
    adds_up(&account);
    let holder = account.holder.as_ref().unwrap();
    assert_eq!((holder.kind, holder.processes), (HolderKind::ForkBomb, Some(250)));
    assert_eq!(
        holder.text,
        "kernel stacks, page tables and slab of 250 processes hold 26.4 of 31.9 MiB, about 108 KiB each"
    );
}

/// Before 5.13, `memory.stat` has no page tables, but the counters of the processes have them.
#[test]
fn counts_page_tables_that_memory_stat_lacks() {
    let stat = [("anon", 3_000), ("kernel_stack", 5_000), ("slab_unreclaimable", 5_000)];
    let mut incident = cgroup(&stat, 32_700);
    decide(&mut incident, (10..260).map(|pid| candidate(pid, "bug", 0, Some(30))).collect());
    let account = of_cgroup(&incident, 7).unwrap();
    adds_up(&account);
    assert_eq!(account.bytes_of(What::PageTables), 250 * (64 << 10));
    assert_eq!(account.holder.unwrap().kind, HolderKind::ForkBomb);
}

/// A small cgroup has 0 because CPUs hold the count back.
#[test]
fn leaves_page_tables_that_may_be_held_back_in_kernel() {
    let mut incident = cgroup(&[("anon", 3_000), ("kernel", 64), ("pagetables", 0)], 32_700);
    decide(&mut incident, vec![candidate(5, "small", 3, Some(30))]);
    let account = of_cgroup(&incident, 7).unwrap();
    adds_up(&account);
    assert_eq!((account.bytes_of(What::PageTables), account.bytes_of(What::Kernel)), (0, 64 << 10));
}

/// 6.18 has `pagetables` in `memory.stat`, but does not count them there.
#[test]
fn counts_page_tables_that_memory_stat_has_as_zero() {
    let stat = [
        ("anon", 8_048),
        ("kernel", 24_720),
        ("kernel_stack", 4_816),
        ("pagetables", 0),
        ("slab_unreclaimable", 5_439),
    ];
    let mut incident = cgroup(&stat, 32_768);
    decide(&mut incident, (10..310).map(|pid| candidate(pid, "forker", 0, Some(30))).collect());
    let account = of_cgroup(&incident, 7).unwrap();
    adds_up(&account);
    // The members have 18.8 MiB of page tables, and no more than the rest of `kernel` can be theirs.
    assert_eq!(account.bytes_of(What::PageTables), (24_720 - 4_816 - 5_439) << 10);
    assert_eq!((account.bytes_of(What::Kernel), account.unexplained_bytes), (0, 0));
    assert_eq!(account.holder.unwrap().kind, HolderKind::ForkBomb);
}

/// Without candidates, nothing says how much of the kernel memory is page tables.
#[test]
fn says_that_kernel_memory_may_be_page_tables_that_nothing_counts() {
    let text = |tables| {
        let incident = cgroup(&[("anon", 3_000), ("kernel", 20_480), ("pagetables", tables)], 32_768);
        of_cgroup(&incident, 7).unwrap().reasons.swap_remove(0).text
    };
    assert_eq!(text(0), "20.0 of 32.0 MiB is kernel memory such as page tables and pipe buffers");
    assert_eq!(text(1_024), "19.0 of 32.0 MiB is kernel memory such as pipe buffers");
}
