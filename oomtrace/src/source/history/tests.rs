use std::sync::{Arc, Mutex, atomic::AtomicU64};

use oomtrace_common::{
    event::{self, OutOfMemory},
    frame::{FrameHeader, Kind},
};
use zerocopy::{FromZeros as _, IntoBytes as _};

use super::{
    History, Shared, Task, Wanted,
    processes::{Moment, Processes},
    series::Series,
    table::{Cgroup, Kib, Process, Resident, Sample, Table},
    told::lead_up,
};
use crate::{
    context::LeadUp,
    decode::decode,
    event::Event,
    frame::Frame,
    source::{history::files::Files, pace::Pace},
};

const SECOND: u64 = 1_000_000_000;

fn sample(second: u64, mib: u64) -> Sample {
    Sample { usage: Kib::of(Some(mib << 20)), ..Sample::at(second * SECOND) }
}

/// A table with the cgroups /a, /a/b and /c, which grow by 10, 5 and 90 MiB, and one process each.
fn table() -> Table {
    let mut table = Table::new(SECOND);
    for second in 1..=2 {
        table.keep_machine(sample(second, 100 * second), Some(1 << 30));
    }
    for (id, parent, name, growth) in [(1, 0, "", 100), (5, 1, "a", 10), (6, 5, "b", 5), (7, 1, "c", 90)] {
        let mut series = Series::new(sample(1, 1));
        series.push(sample(2, 1 + growth));
        let name = name.as_bytes().into();
        let (limit, read_usage) = (Kib::of(Some(64 << 20)), Kib::ABSENT);
        table.add(Cgroup {
            id,
            parent,
            name,
            limit,
            first_refaults: None,
            series,
            read_usage,
            seen_round: 1,
            read_round: 1,
        });
        let mut series = Series::new(Resident { at_ns: SECOND, bytes: Kib::of(Some(1 << 20)) });
        series.push(Resident { at_ns: 2 * SECOND, bytes: Kib::of(Some((1 + growth) << 20)) });
        let pid = i32::try_from(id * 100).unwrap();
        table.processes.push(Process {
            pid,
            start_ns: Some(7),
            comm: *b"name\0..\0........",
            memcg: id,
            series,
        });
    }
    table.listed_ns = Some(2 * SECOND);
    table
}

fn wanted(domain: Option<u64>, at: u64) -> Wanted {
    Wanted { pass: at, decided_ns: at, domain, tasks: vec![Task { pid: 600, memcg: 6 }] }
}

fn ids(told: &LeadUp) -> (Vec<u64>, Vec<i32>) {
    let cgroups = told.cgroups.iter().map(|cgroup| cgroup.memcg).collect();
    (cgroups, told.processes.iter().map(|process| process.pid).collect())
}

#[test]
fn a_decision_gets_its_domain_the_chain_and_what_grew_inside() {
    let told = lead_up(&table(), &wanted(Some(5), 3 * SECOND), 5).unwrap();
    assert_eq!(ids(&told), (vec![5, 1, 6], vec![600, 500]));
    assert!(told.machine.is_none());
    let domain = &told.cgroups[0];
    assert_eq!((domain.path.clone(), domain.limit_bytes), (Some("/a".into()), Some(64 << 20)));
    assert_eq!(domain.memory.usage_bytes, [Some(1 << 20), Some(11 << 20)]);
    assert_eq!((domain.memory.anon_bytes[0], told.cgroups[1].memory.anon_bytes.len()), (None, 0));
    assert_eq!((told.processes[0].comm.clone(), told.processes[0].at_ns.len()), (Some("name".into()), 2));
}

#[test]
fn the_machine_gets_everything_that_grew() {
    let told = lead_up(&table(), &wanted(None, 3 * SECOND), 5).unwrap();
    assert_eq!(ids(&told), (vec![6, 5, 1, 7], vec![600, 100, 700, 500]));
    assert_eq!(told.machine.unwrap().usage_bytes.len(), 2);
}

#[test]
fn nothing_after_the_decision_is_told() {
    let told = lead_up(&table(), &wanted(Some(5), 2 * SECOND - 1), 5).unwrap();
    assert_eq!((told.cgroups[0].memory.at_ns.as_slice(), told.listed_ns), (&[SECOND][..], None));
    assert_eq!(lead_up(&table(), &wanted(Some(5), 1), 5), None);
}

#[test]
fn a_new_process_has_grown_from_nothing() {
    let mut table = table();
    let new = table.processes.iter_mut().find(|process| process.pid == 500).unwrap();
    new.start_ns = Some(SECOND + 1);
    new.series = Series::new(Resident { at_ns: 2 * SECOND, bytes: Kib::of(Some(50 << 20)) });
    let told = lead_up(&table, &wanted(None, 3 * SECOND), 5).unwrap();
    assert_eq!(ids(&told).1, [600, 100, 700, 500]);
    table.processes.retain(|process| process.pid != 700 && process.pid != 100);
    assert_eq!(ids(&lead_up(&table, &wanted(None, 3 * SECOND), 5).unwrap()).1, [600, 500]);
}

fn history() -> History {
    let shared = Shared { table: Mutex::new(table()), deciding_ns: AtomicU64::new(0) };
    History { shared: Arc::new(shared), interval_ns: 5, wanted: None, pace: Pace::new(SECOND) }
}

fn entry(history: &mut History, pass: u64) {
    let mut entry = OutOfMemory::new_zeroed();
    (entry.flags, entry.memcg) = (OutOfMemory::MEMCG, 5);
    (entry.trigger.present, entry.trigger.pid) = (event::Task::PID, 600);
    let header = FrameHeader { kind: Kind::OutOfMemory.number(), reserved: 0, len: 0, boot_ns: pass, pass };
    history.note(&header, entry.as_bytes(), None);
}

#[test]
fn a_decision_is_told_once_and_never_waited_for() {
    let (mut history, mut batch) = (history(), Vec::new());
    entry(&mut history, 3 * SECOND);
    assert!(history.shared.is_deciding(3 * SECOND) && !history.shared.is_deciding(9 * SECOND));
    history.decided();
    assert!(!history.shared.is_deciding(3 * SECOND));
    let shared = Arc::clone(&history.shared);
    let in_use = shared.table();
    assert!(!history.tell(&mut batch) && batch.is_empty());
    drop(in_use);
    assert!(history.tell(&mut batch) && !history.tell(&mut batch));
    let (frame, _) = Frame::each(&batch).next().unwrap();
    assert_eq!(frame.header.pass, 3 * SECOND);
    let Some(Event::LeadUp(told)) = decode(&frame).unwrap().map(|stamped| stamped.event) else { panic!() };
    assert_eq!(ids(&told), (vec![5, 1, 6], vec![600, 500]));
    // Another one right after it has none.
    entry(&mut history, 4 * SECOND);
    assert!(!history.tell(&mut batch));
}

#[test]
fn a_process_is_followed_until_it_exits() {
    let (history, mut files) = (history(), Files::new());
    history.shared.table().processes.clear();
    let mut processes = Processes::new(true);
    let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    let own = i32::try_from(std::process::id()).unwrap();
    let at = |second: u64| Moment { at_ns: second * SECOND, round: 1 };
    for second in 1..=2 {
        for pid in [pid, own] {
            processes.look(&mut files, &history.shared, at(second), (pid, 9));
        }
    }
    let seen = |pid| {
        let table = history.shared.table();
        table
            .processes
            .iter()
            .find(|process| process.pid == pid)
            .map(|process| process.series.samples().len())
    };
    assert_eq!(seen(own), Some(2));
    child.kill().unwrap();
    child.wait().unwrap();
    processes.look_at_watched(&mut files, &history.shared, at(3));
    assert_eq!((seen(own), seen(pid)), (Some(3), None));
}
