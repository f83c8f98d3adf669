use std::rc::Rc;

use oomtrace_common::event::Memcg;
use zerocopy::FromZeros as _;

use super::{LeadUp, Shape, of_cgroup};
use crate::{
    context::{self, CgroupHistory, MemoryHistory, ProcessHistory},
    incident::{Counters, Incident, Role, Task, Victim},
};

const MIB: u64 = 1 << 20;
const SECOND: u64 = 1_000_000_000;
/// The time of the decision.
const END: u64 = 1000 * SECOND;

/// A curve: tenths of a second before the decision, and MiB.
type Curve<'a> = &'a [(u64, u64)];

fn at(before: u64) -> u64 {
    END - before * SECOND / 10
}

fn memory(curve: Curve<'_>) -> MemoryHistory {
    MemoryHistory {
        at_ns: curve.iter().map(|(before, _)| at(*before)).collect(),
        usage_bytes: curve.iter().map(|(_, mib)| Some(mib * MIB)).collect(),
        ..MemoryHistory::default()
    }
}

fn process(pid: i32, start: u64, curve: Curve<'_>) -> ProcessHistory {
    ProcessHistory {
        pid,
        start_boot_ns: Some(at(start)),
        comm: Some("java".into()),
        memcg: Some(5),
        at_ns: curve.iter().map(|(before, _)| at(*before)).collect(),
        resident_bytes: curve.iter().map(|(_, mib)| mib * MIB).collect(),
    }
}

fn victim(pid: i32, start: u64, mib: u64) -> Victim {
    let memory = Counters {
        total_vm_pages: 0,
        file_pages: 0,
        anon_pages: mib * 256,
        shmem_pages: 0,
        swap_pages: 0,
        pgtables_bytes: 0,
    };
    let task =
        Task { pid: Some(pid), start_boot_ns: Some(at(start)), memory: Some(memory), ..Task::default() };
    Victim::new(task, Role::Chosen)
}

/// Builds a cgroup with this curve and this amount at the decision.
fn incident(curve: Curve<'_>, end_mib: u64, processes: Vec<ProcessHistory>, victim: Victim) -> Incident {
    let memcg = Memcg { id: 5, usage_pages: end_mib * 256, present: Memcg::COUNTERS, ..Memcg::new_zeroed() };
    let cgroup = CgroupHistory {
        memcg: 5,
        path: Some("/a".into()),
        limit_bytes: Some(end_mib * MIB),
        memory: memory(curve),
    };
    let lead_up = context::LeadUp {
        interval_ns: 5 * SECOND,
        begun_ns: SECOND,
        listed_ns: Some(at(20)),
        cgroups: if curve.is_empty() { Vec::new() } else { vec![cgroup] },
        processes,
        ..context::LeadUp::default()
    };
    Incident {
        boot_ns: END,
        memcgs: [(5, memcg)].into(),
        victims: vec![victim],
        lead_up: Some(Rc::new(lead_up)),
        ..Incident::default()
    }
}

fn interpreted(incident: &Incident) -> LeadUp {
    of_cgroup(incident, 5).unwrap()
}

/// A curve that is flat at 10 MiB and then grows by 10 MiB/s for 18 s.
const LEAK: [(u64, u64); 7] = [(330, 10), (280, 10), (230, 10), (180, 10), (130, 60), (80, 110), (30, 160)];

#[test]
fn reports_rate_and_begin_of_a_leak() {
    let leaking = process(7, 4000, &LEAK);
    let found = interpreted(&incident(&LEAK, 190, vec![leaking], victim(7, 4000, 190)));
    assert_eq!((found.shape, found.growth_bytes), (Shape::Steady, Some(180 * MIB)));
    assert_eq!((found.bytes_per_second, found.since_ns), (Some(10 * MIB), Some(18 * SECOND)));
    assert_eq!(found.victim_grew, Some(true));
    let grower = &found.growers[0];
    assert_eq!(
        (grower.pid, grower.growth_bytes, grower.percent, grower.is_victim),
        (7, 180 * MIB, 100, true)
    );
    assert_eq!((found.samples.len(), found.samples.last().unwrap().before_ns), (8, 0));
}

#[test]
fn finds_the_begin_between_samples() {
    // The growth is 10 MiB/s from 20 s before the decision. The samples are at 22 s and 17 s.
    let curve = [(270, 10), (220, 10), (170, 40), (120, 90), (70, 140), (20, 190)];
    let found = interpreted(&incident(&curve, 210, Vec::new(), victim(7, 4000, 1)));
    assert_eq!((found.shape, found.since_ns), (Shape::Steady, Some(20 * SECOND)));
    assert_eq!(found.bytes_per_second, Some(10 * MIB));
}

#[test]
fn reports_a_burst_as_sudden() {
    let curve = [(330, 10), (280, 10), (230, 11), (180, 10), (130, 10), (80, 10), (30, 10)];
    let burst = process(7, 4000, &curve);
    let found = interpreted(&incident(&curve, 190, vec![burst], victim(7, 4000, 190)));
    assert_eq!(
        (found.shape, found.growth_bytes, found.since_ns),
        (Shape::Sudden, Some(180 * MIB), Some(3 * SECOND))
    );
    assert_eq!(found.bytes_per_second, Some(60 * MIB));
}

#[test]
fn process_without_samples_grew_since_its_start() {
    let curve = [(330, 10), (280, 10), (230, 10), (180, 10), (130, 10), (80, 10), (30, 10)];
    let found = interpreted(&incident(&curve, 190, Vec::new(), victim(7, 20, 180)));
    assert_eq!((found.since_ns, found.bytes_per_second), (Some(2 * SECOND), Some(90 * MIB)));
    assert_eq!((found.growers[0].pid, found.growers[0].percent), (7, 100));
}

#[test]
fn cgroup_without_samples_is_newer_than_the_last_listing() {
    let mut incident = incident(&[], 190, Vec::new(), victim(7, 15, 180));
    let found = interpreted(&incident);
    assert_eq!((found.shape, found.growth_bytes), (Shape::Sudden, Some(190 * MIB)));
    assert_eq!(found.since_ns, Some(3 * SECOND / 2));
    // If not all cgroups fit into the listing, the cgroup may be an old one.
    Rc::make_mut(incident.lead_up.as_mut().unwrap()).cgroups_left_out = 1;
    assert_eq!(interpreted(&incident).growth_bytes, None);
}

#[test]
fn reports_a_victim_that_had_not_grown() {
    let innocent = process(9, 4000, &[(330, 300), (180, 300), (30, 300)]);
    let curve = LEAK.map(|(before, mib)| (before, mib + 300));
    let found =
        interpreted(&incident(&curve, 490, vec![process(7, 4000, &LEAK), innocent], victim(9, 4000, 300)));
    assert_eq!((found.victim_grew, found.growers.len()), (Some(false), 1));
    assert_eq!((found.growers[0].pid, found.growers[0].is_victim), (7, false));
    assert_eq!(found.growers[0].growth_bytes, 150 * MIB, "up to its last sample");
}

#[test]
fn does_not_judge_a_victim_with_page_tables_or_swap() {
    let curve = LEAK.map(|(before, mib)| (before, mib + 300));
    let mut incident =
        incident(&curve, 490, vec![process(9, 4000, &[(330, 8), (30, 8)])], victim(9, 4000, 8));
    assert_eq!(interpreted(&incident).victim_grew, Some(false));
    let memory = incident.victims[0].task.memory.as_mut().unwrap();
    memory.pgtables_bytes = 180 * MIB;
    assert_eq!(interpreted(&incident).victim_grew, None);
    let memory = incident.victims[0].task.memory.as_mut().unwrap();
    (memory.pgtables_bytes, memory.swap_pages) = (0, 180 * MIB / 4096);
    assert_eq!(interpreted(&incident).victim_grew, None);
}

#[test]
fn reports_processes_that_start_one_by_one_as_steps() {
    let started = |number: u64| {
        let start = 170 - number * 16;
        process(100 + i32::try_from(number).unwrap(), start, &[(start.saturating_sub(2), 18), (30, 18)])
    };
    let processes = (0..9).map(started).collect();
    let found = interpreted(&incident(&LEAK, 190, processes, victim(100, 170, 18)));
    assert_eq!(found.shape, Shape::Steps);
}

#[test]
fn reports_page_cache_at_the_limit_as_plateau() {
    let curve: Vec<(u64, u64)> = (1..12).rev().map(|number| (number * 50, 190)).collect();
    let found = interpreted(&incident(&curve, 190, Vec::new(), victim(7, 4000, 100)));
    assert_eq!((found.shape, found.growth_bytes, found.victim_grew), (Shape::Plateau, None, None));
    let mut below = incident(&curve, 190, Vec::new(), victim(7, 4000, 100));
    Rc::make_mut(below.lead_up.as_mut().unwrap()).cgroups[0].limit_bytes = Some(300 * MIB);
    assert_eq!(interpreted(&below).shape, Shape::Unknown);
}

#[test]
fn page_cache_does_not_count_as_growth() {
    let curve = LEAK.map(|(before, _)| (before, 190));
    let mut incident = incident(&curve, 190, Vec::new(), victim(7, 4000, 180));
    let told_before = Rc::make_mut(incident.lead_up.as_mut().unwrap());
    told_before.cgroups[0].memory.file_bytes = LEAK.iter().map(|(_, mib)| Some((190 - mib) * MIB)).collect();
    incident.memory_stat_of = Some(5);
    let stat = [("inactive_file".to_owned(), 0), ("active_file".to_owned(), 0)];
    incident.memory_stat = Some(Rc::new(stat.into()));
    let found = interpreted(&incident);
    assert_eq!((found.shape, found.growth_bytes), (Shape::Steady, Some(180 * MIB)));
}

#[test]
fn restart_begins_a_new_growth() {
    let curve = [(530, 10), (480, 100), (430, 190), (380, 190), (330, 10), (280, 55), (230, 100), (180, 145)];
    let found = interpreted(&incident(&curve, 190, Vec::new(), victim(7, 4000, 180)));
    assert_eq!((found.growth_bytes, found.since_ns), (Some(180 * MIB), Some(33 * SECOND)));
}

#[test]
fn growth_begins_at_the_end_of_a_plateau() {
    let curve = [(330, 0), (280, 60), (230, 60), (180, 60), (130, 70), (80, 80), (30, 90)];
    let found = interpreted(&incident(&curve, 96, Vec::new(), victim(7, 4000, 60)));
    assert_eq!(
        (found.shape, found.growth_bytes, found.since_ns),
        (Shape::Steady, Some(36 * MIB), Some(18 * SECOND))
    );
    assert_eq!(found.bytes_per_second, Some(2 * MIB));
}

#[test]
fn uses_incomplete_samples() {
    let curve = [(130, 10), (80, 10), (30, 10)];
    let mut incident = incident(&curve, 190, Vec::new(), victim(7, 4000, 180));
    let memory = &mut Rc::make_mut(incident.lead_up.as_mut().unwrap()).cgroups[0].memory;
    memory.file_bytes = vec![Some(0), Some(0), None];
    assert_eq!(interpreted(&incident).since_ns, Some(3 * SECOND));
}

#[test]
fn gives_no_lead_up_without_samples() {
    let mut incident = incident(&LEAK, 190, Vec::new(), victim(7, 4000, 180));
    incident.lead_up = None;
    assert_eq!(of_cgroup(&incident, 5), None);
}

#[test]
fn reads_damaged_histories() {
    let mut incident = incident(&LEAK, 190, vec![process(7, 10, &LEAK)], victim(7, 4000, 180));
    let lead_up = Rc::make_mut(incident.lead_up.as_mut().unwrap());
    let memory = &mut lead_up.cgroups[0].memory;
    memory.at_ns = vec![u64::MAX, 0, 5, END + 1, 5, 7, END];
    memory.usage_bytes = vec![Some(u64::MAX), None, Some(0), Some(u64::MAX), Some(u64::MAX / 2), Some(3)];
    memory.file_bytes = vec![Some(u64::MAX); 3];
    memory.swap_bytes = vec![Some(u64::MAX); 9];
    lead_up.interval_ns = u64::MAX;
    lead_up.processes[0].at_ns.clear();
    let found = interpreted(&incident);
    assert!(found.growers.iter().all(|grower| grower.percent <= 100));
}
