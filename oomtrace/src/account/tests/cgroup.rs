use std::rc::Rc;

use super::example::{MIB, adds_up, candidate, cgroup, decide, mib, mounts};
use crate::account::{Account, ReasonCode, What, of_cgroup};

fn text(account: &Account) -> &str {
    &account.reasons[0].text
}

/// The tmpfs_loop case: a file fills the limit, and each new process dies.
#[test]
fn reports_file_in_tmpfs_that_fills_the_limit() {
    let stat =
        [("anon", 3_600), ("file", 28_672), ("shmem", 28_672), ("kernel", 300), ("slab_unreclaimable", 100)];
    let mut incident = cgroup(&stat, 32_768);
    decide(&mut incident, vec![candidate(5, "multi", 3, Some(900))]);
    incident.surroundings = Some(Rc::new(mounts(&[("/run", 1), ("/vol", 28)])));
    let account = of_cgroup(&incident, 7).unwrap();
    adds_up(&account);
    assert_eq!(mib(&account, What::Tmpfs), 28);
    assert_eq!(account.reasons[0].code, ReasonCode::Tmpfs);
    assert_eq!(text(&account), "28.0 of 32.0 MiB is tmpfs at /vol, which no kill frees");
    assert_eq!(account.clause().as_deref(), Some(text(&account)));
    assert_eq!(account.stays_bytes(), 28 * MIB);
}

/// The sock case on v2: socket buffers fill the slab.
#[test]
fn reports_slab_of_sockets_as_slab() {
    let stat =
        [("anon", 200), ("file", 100), ("kernel", 32_000), ("slab_unreclaimable", 31_800), ("sock", 0)];
    let account = of_cgroup(&cgroup(&stat, 32_700), 7).unwrap();
    adds_up(&account);
    assert_eq!(account.reasons[0].code, ReasonCode::Slab);
    assert_eq!(text(&account), "31.1 of 31.9 MiB is unreclaimable slab");
}

/// The pipe case: only the sum of kernel memory includes these pages.
#[test]
fn reports_kernel_memory_without_its_own_counter() {
    let stat = [
        ("anon", 200),
        ("kernel", 32_000),
        ("slab_unreclaimable", 300),
        ("pagetables", 100),
        ("kernel_stack", 16),
    ];
    let account = of_cgroup(&cgroup(&stat, 32_300), 7).unwrap();
    adds_up(&account);
    assert_eq!(account.bytes_of(What::Kernel), (32_000 - 416) << 10);
    assert_eq!(account.reasons[0].code, ReasonCode::Kernel);
}

/// The sum of kernel memory is missing before 5.18 and on v1.
#[test]
fn reports_memory_missing_from_memory_stat_as_unexplained() {
    let account = of_cgroup(&cgroup(&[("anon", 200), ("kernel_stack", 16)], 32_000), 7).unwrap();
    adds_up(&account);
    assert_eq!(account.unexplained_bytes, (32_000 - 216) << 10);
    let lacks = "31.0 of 31.3 MiB is not in memory.stat, which on this kernel lacks kernel pages such as pipe buffers";
    assert_eq!(text(&account), lacks);
    let account = of_cgroup(&cgroup(&[("anon", 200), ("kernel", 800)], 32_000), 7).unwrap();
    assert_eq!(text(&account), "30.3 of 31.3 MiB is not in memory.stat");
    let stat = [("rss", 1), ("total_rss", 300), ("total_cache", 900), ("total_shmem", 800), ("cache", 5)];
    let account = of_cgroup(&cgroup(&stat, 32_000), 7).unwrap();
    adds_up(&account);
    let of = [What::Anon, What::File, What::Shmem].map(|what| account.bytes_of(what) >> 10);
    assert_eq!(of, [300, 100, 800], "with the cgroups below");
    assert!(text(&account).ends_with("which on v1 has no kernel memory"), "{}", text(&account));
}

/// If `memory.stat` is read after teardown, it lacks the memory that the victim held.
#[test]
fn counts_memory_that_the_victim_freed_before_the_reading() {
    let mut incident = cgroup(&[("anon", 2_048), ("file", 0), ("kernel", 512)], 32_768);
    decide(&mut incident, vec![candidate(5, "hog", 29, Some(7_000)), candidate(6, "sh", 1, Some(300))]);
    let account = of_cgroup(&incident, 7).unwrap();
    adds_up(&account);
    assert_eq!(account.returned_bytes, Some(28 * MIB));
    assert_eq!(mib(&account, What::Anon), 30);
    assert_eq!(account.candidates_bytes.unwrap() / MIB, 30);
    assert_eq!(account.victim_bytes.unwrap() / MIB, 29);
    assert!(account.clause().is_none(), "the victim explains it");
    let timely = cgroup(&[("anon", 30_720), ("kernel", 512)], 32_768);
    assert_eq!(of_cgroup(&timely, 7).unwrap().returned_bytes, None);
}

#[test]
fn separates_charges_of_processes_that_moved_away() {
    let mut incident = cgroup(&[("anon", 30_720)], 32_000);
    decide(&mut incident, vec![candidate(5, "late", 2, Some(500))]);
    let account = of_cgroup(&incident, 7).unwrap();
    adds_up(&account);
    assert_eq!((mib(&account, What::Anon), mib(&account, What::AnonLeftBehind)), (2, 28));
    let holder = account.holder.as_ref().unwrap();
    assert_eq!(holder.kind.name(), "left_behind");
    assert!(
        holder.text.starts_with("28.0 of 31.3 MiB is anonymous memory that no member"),
        "{}",
        holder.text
    );
}

#[test]
fn accounts_only_for_the_domain_whose_memory_stat_was_read() {
    let incident = cgroup(&[("anon", 1)], 4);
    assert!(of_cgroup(&incident, 7).is_some() && of_cgroup(&incident, 8).is_none());
    let mut unread = incident;
    unread.memory_stat = None;
    assert!(of_cgroup(&unread, 7).is_none());
}

/// Shared memory that the members map is freed with the last of them.
#[test]
fn does_not_count_shared_memory_of_members_as_tmpfs() {
    let mut incident = cgroup(&[("anon", 100), ("file", 28_672), ("shmem", 28_672)], 32_000);
    let mut row = candidate(5, "db", 1, Some(900));
    row.task.memory.as_mut().unwrap().shmem_pages = 7_168;
    decide(&mut incident, vec![row]);
    incident.surroundings = Some(Rc::new(mounts(&[("/run", 3)])));
    let account = of_cgroup(&incident, 7).unwrap();
    adds_up(&account);
    assert_eq!((mib(&account, What::Tmpfs), mib(&account, What::Shmem)), (0, 28));
    assert!(text(&account).ends_with("which goes with its last process"), "{}", text(&account));
}
