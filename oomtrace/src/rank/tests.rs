use super::{Census, Domain, Found, Kind, rank};
use crate::{
    bytes::ByteString,
    incident::{Counters, Task},
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
    let told: Vec<(i32, i64)> = ranking.candidates.iter().map(|row| (row.pid, row.points)).collect();
    assert_eq!(told, [(12, 103), (11, 103), (10, 103), (13, 14)]);
    assert_eq!((ranking.candidates[1].adj_pages, ranking.candidates[1].pgtables_pages), (50, 1));
}

#[test]
fn reports_protected_processes_with_the_reason() {
    let gone = Found { task: Task { pid: Some(14), ..Task::default() }, cgroup: None };
    let all = vec![found(1, "/a", 1000, 0), found(10, "/a", 9000, -1000), gone, found(11, "/a", 1, -999)];
    let ranking = rank(&census(all), domain(100_000, &[]), Vec::new());
    let told: Vec<(i32, &str)> = ranking.protected.iter().map(|one| (one.pid, one.passed_over)).collect();
    assert_eq!(told, [(1, "init"), (10, "oom_score_adj_min"), (14, "no_memory")]);
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
