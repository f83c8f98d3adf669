//! Tests of the memory that no kill frees, and of the room that another limit or an emptied tmpfs leaves.

use std::rc::Rc;

use super::example::{PODS, ROOT, dead, decide, in_pods, on_the_machine, refuse};
use crate::{
    account::Whole,
    incident::{Incident, MemoryState, Node, Surroundings, Tmpfs, Zone},
    whatif::{Change, Refusal, Room},
};

const MIB: u64 = 1 << 20;

fn changes(typed: &[(&str, &str)]) -> Vec<Change> {
    let change = |(option, value): &(&str, &str)| match *option {
        "tmpfs" => Change::tmpfs(value),
        "part" => Change::part(value),
        "limit" => Change::limit(value),
        _ => Change::adj(value),
    };
    typed.iter().map(|typed| change(typed).unwrap()).collect()
}

fn tmpfs(mount: &str, used_mib: u64) -> Tmpfs {
    Tmpfs { mount: mount.into(), used_bytes: used_mib * MIB, size_bytes: Some(1000 * MIB) }
}

fn around(mounts: &[(&str, u64)]) -> Rc<Surroundings> {
    let tmpfs = mounts.iter().map(|(mount, mib)| tmpfs(mount, *mib)).collect();
    Rc::new(Surroundings { tmpfs: Some(tmpfs), sysv_shm_bytes: Some(0), ..Surroundings::default() })
}

/// Builds a full `/pods` of 64 MiB: 28 MiB are files at `/volume`, and 4 MiB belong to the kernel.
fn full_of_files() -> Incident {
    let figures = [("anon", 32), ("shmem", 28), ("file", 28), ("kernel", 4), ("percpu", 4)];
    let stat = figures.map(|(name, mib)| (name.to_owned(), mib * MIB)).into();
    Incident {
        memory_stat: Some(Rc::new(stat)),
        surroundings: Some(around(&[("/", 300), ("/volume", 28)])),
        ..in_pods()
    }
}

/// Builds a node with this much shared memory.
fn shared(mib: u64) -> Node {
    Node { node: 0, counters: [("nr_shmem".to_owned(), mib * MIB)].into() }
}

/// Builds a machine with 4 GiB in one zone that the allocation may use, and 1 GiB in zone Movable, which it may not use.
fn machine() -> Incident {
    let zone = |index, name: &str, managed_mib: u64, free_mib: u64, min_mib: u64| Zone {
        index,
        name: name.to_owned(),
        managed_pages: Some(managed_mib * 256),
        free_pages: free_mib * 256,
        min_pages: Some(min_mib * 256),
        ..Zone::default()
    };
    let state = MemoryState {
        class: Some(2),
        zones: vec![zone(3, "Movable", 1024, 1000, 1), zone(2, "Normal", 4096, 30, 40)],
        swap_total_bytes: Some(0),
        swap_free_bytes: Some(0),
        nodes: vec![shared(700)],
        ..MemoryState::default()
    };
    let mut incident = on_the_machine();
    incident.surroundings = Some(around(&[("/big", 600), ("/small", 20)]));
    incident.memory_state = Some(Rc::new(state));
    incident
}

#[test]
fn larger_limit_leaves_more_room_and_frees_no_memory() {
    let answer = decide(&full_of_files(), &changes(&[("limit", "/pods=96M")]));
    let memory = answer.memory.unwrap();
    let before = Room {
        limit_bytes: Some(64 * MIB),
        used_bytes: 64 * MIB,
        left_bytes: Some(0),
        stays_bytes: 32 * MIB,
        unknown_bytes: 0,
    };
    assert_eq!((memory.of, memory.before), (Whole::Cgroup, before));
    assert_eq!(memory.after, Room { limit_bytes: Some(96 * MIB), left_bytes: Some(32 * MIB), ..before });
    assert!(!answer.after.happens);
    let end = "/pods would have had room for 32.0 MiB, and no kill would have freed 32.0 of 96.0 MiB";
    assert!(answer.summary.ends_with(end), "{}", answer.summary);
    let memory = decide(&full_of_files(), &changes(&[("limit", "/pods=max")])).memory.unwrap();
    assert_eq!((memory.after.limit_bytes, memory.after.left_bytes), (None, None));
}

#[test]
fn emptied_tmpfs_leaves_room() {
    for (typed, freed) in [("/volume=0", 28), ("/volume/=8M", 20)] {
        let answer = decide(&full_of_files(), &changes(&[("tmpfs", typed)]));
        assert!(!answer.after.happens && answer.after.victims.is_empty(), "{typed}");
        let after = answer.memory.unwrap().after;
        let expected = Room {
            limit_bytes: Some(64 * MIB),
            used_bytes: (64 - freed) * MIB,
            left_bytes: Some(freed * MIB),
            stays_bytes: (32 - freed) * MIB,
            unknown_bytes: 0,
        };
        assert_eq!(after, expected, "{typed}");
        assert!(answer.remarks[0].contains("because the sizes fit"), "{:?}", answer.remarks);
    }
    let answer = decide(&full_of_files(), &changes(&[("tmpfs", "/volume=0"), ("part", "percpu=1M")]));
    assert_eq!(answer.memory.unwrap().after.left_bytes, Some(31 * MIB));
    let answer = decide(&full_of_files(), &changes(&[("tmpfs", "/volume=0"), ("part", "tmpfs=0")]));
    assert_eq!(answer.memory.unwrap().after.left_bytes, Some(28 * MIB), "no byte is freed twice");
    // The size is unchanged, so nothing changes.
    let same = decide(&full_of_files(), &changes(&[("tmpfs", "/volume=28M")]));
    assert_eq!((same.after.happens, dead(&same)), (true, vec![901]));
}

#[test]
fn refuses_if_the_limit_above_is_still_full() {
    let mut incident = full_of_files();
    let root = incident.memcgs.get_mut(&ROOT).unwrap();
    (root.usage_pages, root.max_pages) = (20_000, 10_000);
    assert!(matches!(refuse(&incident, &changes(&[("tmpfs", "/volume=0")])), Refusal::OtherDomain { .. }));
    // With its files gone, the limit above has room as well.
    incident.memcgs.get_mut(&ROOT).unwrap().usage_pages = 10_000;
    assert!(!decide(&incident, &changes(&[("tmpfs", "/volume=0")])).after.happens);
}

#[test]
fn written_limit_may_still_be_below_the_usage() {
    let mut incident = full_of_files();
    incident.request.as_mut().unwrap().memory_max_write = true;
    incident.memcgs.get_mut(&PODS).unwrap().max_pages = 40 * 256;
    let decided = |size: &str| decide(&incident, &changes(&[("tmpfs", size)]));
    assert!(!decided("/volume=0").after.happens);
    let still = decided("/volume=5M");
    assert_eq!((still.after.happens, dead(&still)), (true, vec![901]));
    assert!(still.remarks.iter().any(|remark| remark.contains("as they were")), "{:?}", still.remarks);
}

#[test]
fn emptied_tmpfs_also_lowers_memory_and_swap_usage() {
    let mut incident = full_of_files();
    let pods = incident.memcgs.get_mut(&PODS).unwrap();
    (pods.hierarchy, pods.swap_usage_pages, pods.swap_max_pages) = (4, pods.usage_pages, pods.usage_pages);
    assert!(!decide(&incident, &changes(&[("tmpfs", "/volume=0")])).after.happens);
}

#[test]
fn machine_has_enough_if_all_unusable_zones_are_filled() {
    // The amount is 10 MiB up to the watermark, 24 MiB that may be in zone Movable, and one page.
    let enough = 34 * MIB + 4096;
    let answer = decide(&machine(), &changes(&[("tmpfs", "/big=0")]));
    assert!(!answer.after.happens);
    let end = ": the machine would have had 1.6 GiB free";
    assert!(answer.summary.ends_with(end), "{}", answer.summary);
    let memory = answer.memory.unwrap();
    assert_eq!((memory.of, memory.before.stays_bytes), (Whole::Machine, 620 * MIB));
    assert_eq!((memory.before.left_bytes, memory.after.left_bytes), (Some(1030 * MIB), Some(1630 * MIB)));
    let size = format!("/big={}", 600 * MIB - enough);
    assert!(!decide(&machine(), &changes(&[("tmpfs", &size)])).after.happens);
    let size = format!("/big={}", 600 * MIB - enough + 4096);
    let refusal = refuse(&machine(), &changes(&[("tmpfs", &size)]));
    assert_eq!(refusal, Refusal::TooLittle { freed: enough - 4096, enough });
    let mut several = machine();
    several.request.as_mut().unwrap().order = 2;
    assert_eq!(refuse(&several, &changes(&[("tmpfs", "/big=0")])), Refusal::NeedUnknown);
}

/// Files in swap give back no memory.
#[test]
fn counts_only_resident_files() {
    let mut incident = machine();
    // There are 640 MiB of files, 620 MiB of them resident. At least 580 MiB of `/big` are therefore resident.
    incident.surroundings = Some(around(&[("/big", 600), ("/small", 40)]));
    let mut state = (*incident.memory_state.unwrap()).clone();
    state.nodes = vec![shared(620)];
    incident.memory_state = Some(Rc::new(state));
    let memory = decide(&incident, &changes(&[("tmpfs", "/big=0")])).memory.unwrap();
    assert_eq!(memory.before.used_bytes - memory.after.used_bytes, 580 * MIB);
}

#[test]
fn refuses_questions_about_unrecorded_memory() {
    let refused = |incident: &Incident, option, value| refuse(incident, &changes(&[(option, value)]));
    assert_eq!(refused(&in_pods(), "tmpfs", "/volume=0"), Refusal::NoAccount);
    assert_eq!(refused(&in_pods(), "part", "percpu=0"), Refusal::NoAccount);
    let incident = full_of_files();
    assert!(matches!(refused(&incident, "tmpfs", "/other=0"), Refusal::UnknownMount { .. }));
    assert!(matches!(refused(&incident, "tmpfs", "/=0"), Refusal::ChargeUnknown { .. }));
    assert!(matches!(refused(&incident, "tmpfs", "/volume=29M"), Refusal::HeldLess { .. }));
    assert!(matches!(refused(&incident, "part", "huge_pages=0"), Refusal::NoPart { .. }));
    assert!(matches!(refused(&incident, "part", "percpu=5M"), Refusal::HeldLess { .. }));
    // Questions that need no account are still answered.
    assert_eq!(decide(&in_pods(), &changes(&[("adj", "redis=500")])).memory, None);
}
