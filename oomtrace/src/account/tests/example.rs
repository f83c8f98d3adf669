//! Hand-made incidents with figures like those of real guests.

use std::rc::Rc;

use oomtrace_common::event::Memcg;
use zerocopy::FromZeros as _;

use crate::{
    account::{Account, What},
    context::Session,
    incident::{
        Ballot, Candidate, Choice, Counters, FreeBlocks, Incident, MemoryState, Node, PassedOver, Request,
        Role, Surroundings, Task, Tmpfs, Victim, Zone,
    },
    kernel::{
        facts::{Constraints, GfpBit, GfpNaming, KernelFacts, MemoryNames},
        tier::Tier,
    },
};

pub(super) const MIB: u64 = 1 << 20;
pub(super) const PAGES_OF_MIB: u64 = 256;

/// The bit of `__GFP_MOVABLE` in these examples.
pub(super) const MOVABLE: u32 = 1 << 3;

/// Returns the number of pages in `mib` MiB.
pub(super) const fn pages(mib: u64) -> u64 {
    mib * PAGES_OF_MIB
}

pub(super) fn zone(index: u32, name: &str, managed_mib: u64, free_mib: u64, min_mib: u64) -> Zone {
    Zone {
        name: name.to_owned(),
        index,
        free_pages: pages(free_mib),
        min_pages: Some(pages(min_mib)),
        managed_pages: Some(pages(managed_mib)),
        percpu_pages: Some(pages(1)),
        ..Zone::default()
    }
}

pub(super) fn node(counters: &[(&str, u64)]) -> Node {
    let counters = counters.iter().map(|(name, mib)| ((*name).to_owned(), mib * MIB)).collect();
    Node { node: 0, counters }
}

/// Builds free blocks by order, each with a count and migrate types.
pub(super) fn blocks(counts: &[(u64, &[&str])]) -> Vec<FreeBlocks> {
    let of = |(count, types): &(u64, &[&str])| FreeBlocks {
        count: *count,
        types: Some(types.iter().map(|name| (*name).to_owned()).collect()),
    };
    counts.iter().map(of).collect()
}

fn session() -> Session {
    Session {
        tool_version: String::new(),
        kernel_release: "7.3.4".to_owned(),
        host: "guest".to_owned(),
        boot_id: None,
        wall_offset_ns: 0,
        monotonic_offset_ns: None,
        page_size: 4096,
        tier: Tier::Fentry,
        hooks: Vec::new(),
        facts: KernelFacts {
            constraint: Constraints { none: 0, cpuset: 1, memory_policy: 2, memcg: 3 },
            gfp_naming: GfpNaming::Enumerators,
            gfp_bits: vec![GfpBit { bit: 3, name: "__GFP_MOVABLE".to_owned() }],
            memory: MemoryNames::default(),
        },
        layout: std::collections::BTreeMap::new(),
        sysctls: std::collections::BTreeMap::new(),
        memory_hierarchy: Some("v2".to_owned()),
        memory_nodes: Some(1),
        command_line: Vec::new(),
        killers: Vec::new(),
        codes: crate::context::CODES,
    }
}

/// Builds an incident in which the page allocator ran out of memory.
pub(super) fn machine(state: MemoryState, gfp_mask: u32, order: i32) -> Incident {
    let request = Request { memcg: None, zonelist: true, memory_max_write: false, gfp_mask, order };
    Incident {
        session: Some(Rc::new(session())),
        request: Some(request),
        memory_state: Some(Rc::new(state)),
        ..Incident::default()
    }
}

/// Builds the guest of the movable case: 940 MiB, and kernel pages fill the only zone that the allocation may use.
pub(super) fn movable() -> MemoryState {
    MemoryState {
        class: Some(2),
        zones: vec![zone(3, "Movable", 690, 680, 1), zone(1, "DMA32", 250, 1, 2)],
        nodes: vec![node(&[
            ("nr_anon_mapped", 9),
            ("nr_file_pages", 4),
            ("nr_shmem", 1),
            ("nr_inactive_anon", 10),
            ("nr_inactive_file", 3),
            ("nr_slab_unreclaimable_b", 5),
            ("nr_slab_reclaimable_b", 3),
            ("nr_kernel_stack_kb", 1),
            ("nr_pagetable", 1),
        ])],
        swap_total_bytes: Some(0),
        swap_free_bytes: Some(0),
        meminfo: Some(
            [("Percpu", 1), ("VmallocUsed", 2)].map(|(name, mib)| (name.to_owned(), mib * MIB)).into(),
        ),
        ..MemoryState::default()
    }
}

pub(super) fn counters(anon_mib: u64) -> Counters {
    Counters {
        total_vm_pages: 0,
        file_pages: 100,
        anon_pages: pages(anon_mib),
        shmem_pages: 0,
        swap_pages: 0,
        pgtables_bytes: 64 << 10,
    }
}

pub(super) fn task(pid: i32, comm: &str, anon_mib: u64, adj: i16) -> Task {
    Task {
        pid: Some(pid),
        tid: Some(pid),
        comm: Some(comm.into()),
        oom_score_adj: Some(adj),
        memory: Some(counters(anon_mib)),
        ..Task::default()
    }
}

pub(super) fn candidate(pid: i32, comm: &str, anon_mib: u64, points: Option<i64>) -> Candidate {
    let passed_over = if points.is_none() { Some(PassedOver::AdjMin) } else { None };
    Candidate { task: task(pid, comm, anon_mib, 0), points, passed_over }
}

/// Adds a ballot of these candidates. The first one is chosen.
pub(super) fn decide(incident: &mut Incident, candidates: Vec<Candidate>) {
    let first = candidates[0].clone();
    let choice = Choice {
        task: first.task.clone(),
        points: first.points.unwrap_or(0),
        total_pages: pages(500),
        constraint: 0,
        evaluated: 3,
        message: Vec::new(),
    };
    incident.victims = vec![Victim { killed: true, ..Victim::new(first.task, Role::Chosen) }];
    incident.choice = Some(choice);
    incident.ballot = Some(Ballot { candidates, badness_seen: true, ..Ballot::default() });
}

/// Builds a cgroup of 32 MiB at its limit, with this `memory.stat`.
pub(super) fn cgroup(stat: &[(&str, u64)], usage_kib: u64) -> Incident {
    let mut memcg = Memcg::new_zeroed();
    (memcg.id, memcg.parent, memcg.present) = (7, 1, Memcg::COUNTERS | Memcg::SWAP);
    (memcg.usage_pages, memcg.max_pages, memcg.swap_max_pages) = (usage_kib / 4, pages(32), 0);
    let request = Request { memcg: Some(7), zonelist: false, memory_max_write: false, gfp_mask: 0, order: 0 };
    let stat = stat.iter().map(|(name, kib)| ((*name).to_owned(), kib << 10)).collect();
    Incident {
        session: Some(Rc::new(session())),
        request: Some(request),
        memcgs: [(7, memcg)].into(),
        memory_stat: Some(Rc::new(stat)),
        ..Incident::default()
    }
}

pub(super) fn mounts(mounts: &[(&str, u64)]) -> Surroundings {
    let mount = |(mount, mib): &(&str, u64)| Tmpfs {
        mount: (*mount).into(),
        used_bytes: mib * MIB,
        size_bytes: Some(512 * MIB),
    };
    Surroundings { tmpfs: Some(mounts.iter().map(mount).collect()), ..Surroundings::default() }
}

/// Checks the invariants of every account.
pub(super) fn adds_up(account: &Account) {
    let sum: u128 = account.parts.iter().map(|part| u128::from(part.bytes)).sum();
    assert_eq!(sum, u128::from(account.total_bytes), "{account:?}");
    assert_eq!(account.bytes_of(What::Unexplained), account.unexplained_bytes);
    let mut whats: Vec<What> = account.parts.iter().map(|part| part.what).collect();
    whats.sort_unstable();
    let reclaimable_apart =
        whats.windows(2).filter(|pair| pair[0] == pair[1]).all(|pair| pair[0] == What::Gpu);
    assert!(reclaimable_apart, "{account:?}");
}

pub(super) fn mib(account: &Account, what: What) -> u64 {
    account.bytes_of(what) / MIB
}
