use oomtrace_common::event::Memcg;
use zerocopy::FromZeros as _;

use super::{Census, DOMAIN, Domain, Found, Kind, Look, rank};
use crate::{
    account::{ReasonCode, What},
    bytes::ByteString,
    incident::{Counters, MemoryState, Node, StateSource, Surroundings, Task, Tmpfs, Zone},
};

fn found(pid: i32, cgroup: &str, anon_pages: u64, adj: i16) -> Found {
    let memory = Counters {
        total_vm_pages: 0,
        file_pages: 0,
        anon_pages,
        shmem_pages: 0,
        swap_pages: 2,
        pgtables_bytes: 4096,
    };
    let task = Task { pid: Some(pid), oom_score_adj: Some(adj), memory: Some(memory), ..Task::default() };
    Found { task, cgroup: Some(ByteString::from(cgroup)) }
}

fn domain(total_pages: u64, oom_groups: &[&str]) -> Domain {
    Domain {
        kind: Kind::Memcg,
        cgroup: Some(ByteString::from("/a")),
        asked: None,
        limit_bytes: Some(total_pages * 4096),
        usage_bytes: None,
        total_pages,
        oom_groups: oom_groups.iter().map(|&path| ByteString::from(path)).collect(),
    }
}

fn census(found: Vec<Found>) -> Census {
    Census { found, kernel_threads: 3, page_size: 4096, in_pid_namespace: false }
}

#[test]
fn applies_the_kernels_formula_and_its_order_for_equal_points() {
    let all = vec![
        found(10, "/a", 100, 0),
        found(11, "/a", 50, 50),
        found(12, "/a", 100, 0),
        found(13, "/a", 10, 1),
    ];
    let ranking = rank(&census(all), domain(1000, &[]), Vec::new());
    let rows: Vec<(i32, i64)> = ranking.candidates.iter().map(|row| (row.pid, row.points)).collect();
    assert_eq!(rows, [(12, 103), (11, 103), (10, 103), (13, 14)]);
    assert_eq!((ranking.candidates[1].adj_pages, ranking.candidates[1].pgtables_pages), (50, 1));
}

#[test]
fn reports_protected_processes_with_the_reason() {
    let gone = Found { task: Task { pid: Some(14), ..Task::default() }, cgroup: None };
    let all = vec![found(1, "/a", 1000, 0), found(10, "/a", 9000, -1000), gone, found(11, "/a", 1, -999)];
    let ranking = rank(&census(all), domain(100_000, &[]), Vec::new());
    let rows: Vec<(i32, &str)> = ranking.protected.iter().map(|one| (one.pid, one.passed_over)).collect();
    assert_eq!(rows, [(1, "init"), (10, "oom_score_adj_min"), (14, "no_memory")]);
    assert_eq!(ranking.candidates.iter().map(|row| row.points).collect::<Vec<_>>(), [4 - 99_900]);
}

/// Only the machine's init is protected, and not the init of a container.
#[test]
fn ranks_pid_1_of_a_container() {
    let all = vec![found(1, "/a", 1000, 0), found(10, "/a", 10, 0)];
    let inside = Census { in_pid_namespace: true, ..census(all) };
    let ranking = rank(&inside, domain(100_000, &["/a"]), Vec::new());
    assert_eq!((ranking.candidates[0].pid, ranking.protected.len()), (1, 0));
    assert_eq!(ranking.group.unwrap().pids, [1, 10]);
}

#[test]
fn kills_the_highest_group_below_the_domain_as_a_whole() {
    let all = vec![
        found(10, "/a/b/c", 100, 0),
        found(11, "/a/b", 5, 0),
        found(12, "/a/b", 5, -1000),
        found(13, "/a/x", 5, 0),
    ];
    let ranking = rank(&census(all), domain(100_000, &["/", "/a/b", "/a/b/c", "/a/x"]), Vec::new());
    let group = ranking.group.unwrap();
    assert_eq!((group.cgroup, group.pids), (ByteString::from("/a/b"), vec![10, 11]));
}

const MIB: u64 = 1 << 20;

fn named<const N: usize>(figures: [(&str, u64); N]) -> std::collections::BTreeMap<String, u64> {
    figures.map(|(name, mib)| (name.to_owned(), mib * MIB)).into()
}

fn volume() -> Surroundings {
    let volume = Tmpfs { mount: "/volume".into(), used_bytes: 28 * MIB, size_bytes: None };
    Surroundings { tmpfs: Some(vec![volume]), ..Surroundings::default() }
}

/// The page size is 16 KiB. 32 MiB are in use: 28 MiB by files at `/volume`, 3 MiB by a process and 1 MiB by the kernel.
#[test]
fn reports_memory_of_a_cgroup_that_no_kill_frees() {
    let census = Census { page_size: 16 << 10, ..census(vec![found(10, "/a", 192, 0)]) };
    let mut level = Memcg::new_zeroed();
    (level.id, level.present, level.usage_pages) = (DOMAIN, Memcg::COUNTERS, 32 * MIB / (16 << 10));
    let look = Look {
        levels: [(DOMAIN, level)].into(),
        stat: Some(named([("anon", 3), ("shmem", 28), ("file", 28), ("kernel", 1), ("percpu", 1)])),
        state: MemoryState { swap_total_bytes: Some(0), ..MemoryState::default() },
        surroundings: volume(),
    };
    let ranking = rank(&census, domain(2048, &[]), Vec::new());
    assert_eq!(ranking.memory, None);
    let memory = ranking.clone().with_memory(&census, look.clone()).memory.unwrap();
    let parts: Vec<(What, u64)> = memory.parts.iter().map(|part| (part.what, part.bytes / MIB)).collect();
    let expected = [(What::Tmpfs, 28), (What::Anon, 3), (What::Percpu, 1), (What::Unexplained, 0)];
    assert_eq!(parts, expected);
    assert_eq!((memory.total_bytes, memory.stays_bytes, memory.unknown_bytes), (32 * MIB, 29 * MIB, 0));
    assert_eq!(memory.candidates_bytes, Some(3 * MIB + 4096), "with its page table");
    assert_eq!(memory.reasons[0].code, ReasonCode::Tmpfs);
    assert_eq!(memory.reasons[0].text, "28.0 of 32.0 MiB is tmpfs at /volume, which no kill frees");
    let unread = Look { stat: None, ..look };
    assert_eq!(ranking.with_memory(&census, unread).memory, None);
}

#[test]
fn reports_memory_of_the_machine_that_no_kill_frees() {
    let state = MemoryState {
        source: StateSource::Procfs,
        zones: vec![Zone {
            name: "Normal".to_owned(),
            managed_pages: Some(100 * MIB / 4096),
            free_pages: 40 * MIB / 4096,
            ..Zone::default()
        }],
        nodes: vec![Node { node: 0, counters: named([("nr_shmem", 30), ("nr_anon_mapped", 20)]) }],
        swap_total_bytes: Some(0),
        swap_free_bytes: Some(0),
        ..MemoryState::default()
    };
    let look = Look { state, surroundings: volume(), ..Look::default() };
    let census = census(vec![found(10, "/a", 20 * MIB / 4096, 0)]);
    let domain = Domain { kind: Kind::System, cgroup: None, ..domain(100_000, &[]) };
    let memory = rank(&census, domain, Vec::new()).with_memory(&census, look).memory.unwrap();
    let bytes = |what| memory.parts.iter().find(|part| part.what == what).map_or(0, |part| part.bytes / MIB);
    let all = [What::Free, What::Tmpfs, What::Anon, What::Shmem, What::Unexplained].map(bytes);
    assert_eq!((memory.total_bytes, all), (100 * MIB, [40, 28, 20, 2, 10]));
    assert_eq!(memory.candidates_bytes, Some(20 * MIB));
    assert_eq!(memory.unknown_bytes, 12 * MIB, "unexplained, and shared memory that no process maps");
}
