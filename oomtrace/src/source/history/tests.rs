use std::sync::Arc;

use oomtrace_common::{
    event::{self, OutOfMemory},
    frame::{FrameHeader, Kind},
};
use zerocopy::{FromZeros as _, IntoBytes as _};

use super::{
    History, Shared, Task, Wanted,
    burst::Burst,
    excerpt::lead_up,
    foresee::{Search, due},
    reading::processes::{Moment, Processes},
    sampler::Sampler,
    series::Series,
    table::{Cgroup, Kib, Process, Resident, Sample, Table, Totals},
};
use crate::{
    context::LeadUp, decode::decode, event::Event, forecast::Announcement, frame::Frame,
    source::history::reading::files::Files,
};

const SECOND: u64 = 1_000_000_000;

fn sample(second: u64, mib: u64) -> Sample {
    Sample { usage: Kib::of(Some(mib << 20)), ..Sample::at(second * SECOND) }
}

/// Returns a table with the cgroups /a, /a/b and /c, which grow by 10, 5 and 90 MiB, and one process in each.
fn table() -> Table {
    let mut table = Table::new(SECOND);
    for second in 1..=2 {
        let totals = Totals { memory: Some(1 << 30), swap: None };
        table.keep_machine(sample(second, 100 * second), totals);
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
            swap_limit: Kib::ABSENT,
            first_refaults: None,
            series,
            read_usage,
            seen_round: 1,
            read_round: 1,
            approach: None,
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

fn ids(sent: &LeadUp) -> (Vec<u64>, Vec<i32>) {
    let cgroups = sent.cgroups.iter().map(|cgroup| cgroup.memcg).collect();
    (cgroups, sent.processes.iter().map(|process| process.pid).collect())
}

#[test]
fn sends_the_domain_its_chain_and_what_grew_inside() {
    let sent = lead_up(&table(), &wanted(Some(5), 3 * SECOND), 5).unwrap();
    assert_eq!(ids(&sent), (vec![5, 1, 6], vec![600, 500]));
    assert!(sent.machine.is_none());
    let domain = &sent.cgroups[0];
    assert_eq!((domain.path.clone(), domain.limit_bytes), (Some("/a".into()), Some(64 << 20)));
    assert_eq!(domain.memory.usage_bytes, [Some(1 << 20), Some(11 << 20)]);
    assert_eq!((domain.memory.anon_bytes[0], sent.cgroups[1].memory.anon_bytes.len()), (None, 0));
    assert_eq!((sent.processes[0].comm.clone(), sent.processes[0].at_ns.len()), (Some("name".into()), 2));
}

#[test]
fn sends_everything_that_grew_for_the_machine() {
    let sent = lead_up(&table(), &wanted(None, 3 * SECOND), 5).unwrap();
    assert_eq!(ids(&sent), (vec![6, 5, 1, 7], vec![600, 100, 700, 500]));
    assert_eq!(sent.machine.unwrap().usage_bytes.len(), 2);
}

#[test]
fn leaves_out_samples_after_the_decision() {
    let sent = lead_up(&table(), &wanted(Some(5), 2 * SECOND - 1), 5).unwrap();
    assert_eq!((sent.cgroups[0].memory.at_ns.as_slice(), sent.listed_ns), (&[SECOND][..], None));
    assert_eq!(lead_up(&table(), &wanted(Some(5), 1), 5), None);
}

#[test]
fn counts_a_new_process_as_grown_from_nothing() {
    let mut table = table();
    let new = table.processes.iter_mut().find(|process| process.pid == 500).unwrap();
    new.start_ns = Some(SECOND + 1);
    new.series = Series::new(Resident { at_ns: 2 * SECOND, bytes: Kib::of(Some(50 << 20)) });
    let sent = lead_up(&table, &wanted(None, 3 * SECOND), 5).unwrap();
    assert_eq!(ids(&sent).1, [600, 100, 700, 500]);
    table.processes.retain(|process| process.pid != 700 && process.pid != 100);
    assert_eq!(ids(&lead_up(&table, &wanted(None, 3 * SECOND), 5).unwrap()).1, [600, 500]);
}

fn history() -> History {
    History {
        shared: Arc::new(Shared::new(table(), None)),
        interval_ns: 5,
        wanted: None,
        burst: Burst::new(),
    }
}

fn entry(history: &mut History, pass: u64) {
    let mut entry = OutOfMemory::new_zeroed();
    (entry.flags, entry.memcg) = (OutOfMemory::MEMCG, 5);
    (entry.trigger.present, entry.trigger.pid) = (event::Task::PID, 600);
    let header = FrameHeader { kind: Kind::OutOfMemory.number(), reserved: 0, len: 0, boot_ns: pass, pass };
    history.note(&header, entry.as_bytes(), None);
}

#[test]
fn sends_each_decision_once_without_waiting() {
    let (mut history, mut batch) = (history(), Vec::new());
    entry(&mut history, 3 * SECOND);
    assert!(history.shared.is_deciding(3 * SECOND) && !history.shared.is_deciding(9 * SECOND));
    history.decided();
    assert!(!history.shared.is_deciding(3 * SECOND));
    let shared = Arc::clone(&history.shared);
    let in_use = shared.table();
    assert!(!history.send(&mut batch) && batch.is_empty());
    drop(in_use);
    assert!(history.send(&mut batch) && !history.send(&mut batch));
    let (frame, _) = Frame::each(&batch).next().unwrap();
    assert_eq!(frame.header.pass, 3 * SECOND);
    let Some(Event::LeadUp(sent)) = decode(&frame).unwrap().map(|stamped| stamped.event) else { panic!() };
    assert_eq!(ids(&sent), (vec![5, 1, 6], vec![600, 500]));
    // Another decision right after it gets its own history.
    entry(&mut history, 4 * SECOND);
    assert!(history.send(&mut batch));
}

/// Starts `cat` and waits until it has copied a byte. Right after its start, too little of it is in memory.
fn all_of_cat() -> std::process::Child {
    use std::{
        io::{Read as _, Write as _},
        process::{Command, Stdio},
    };
    let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    child
}

#[test]
fn samples_a_process_until_it_exits() {
    let (history, mut files) = (history(), Files::new());
    history.shared.table().processes.clear();
    let mut processes = Processes::new(true);
    let mut child = all_of_cat();
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
    assert_eq!((seen(pid), processes.comm(&mut files, pid)), (Some(2), Some("cat".into())));
    child.kill().unwrap();
    child.wait().unwrap();
    processes.look_at_watched(&mut files, &history.shared, at(3));
    assert_eq!((seen(own), seen(pid)), (Some(3), None));
}

/// Returns the table at a time at which /a has grown by 10 MiB/s since the first second.
fn growing(second: u64) -> Table {
    let mut table = table();
    for at in 3..=second {
        table.keep_machine(sample(at, 300), table.totals);
        let cgroup = table.cgroup_mut(5).unwrap();
        cgroup.series.push(sample(at, 10 * at - 9));
        table.processes[1].series.push(Resident { at_ns: at * SECOND, bytes: Kib::of(Some(at << 20)) });
    }
    table
}

#[test]
fn announces_a_cgroup_near_its_limit_once() {
    let search = |second| Search { now_ns: second * SECOND, horizon_ns: 4 * SECOND };
    let mut points = Vec::new();
    assert!(due(&mut growing(2), search(2), &mut points).is_empty());
    let mut table = growing(4);
    let found = due(&mut table, search(4), &mut points);
    let [found] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        (found.memcg, found.path.clone(), found.limit_bytes),
        (Some(5), Some("/a".into()), Some(64 << 20))
    );
    assert_eq!(found.capacity_bytes, 64 << 20, "the machine has no swap");
    assert_eq!((found.at_ns.last(), found.held_bytes.last()), (Some(&(4 * SECOND)), Some(&(31 << 20))));
    let pids: Vec<i32> = found.processes.iter().map(|process| process.pid).collect();
    assert_eq!(pids, [600, 500], "the processes in it, those that grew most first");
    assert!(due(&mut table, search(4), &mut points).is_empty(), "the approach was announced");
    let announcement = Announcement::new(found, None).unwrap();
    assert_eq!(announcement.forecast.left_ns, 33 * SECOND / 10);
}

#[test]
fn announces_only_domains_with_a_current_sample() {
    let search = Search { now_ns: 9 * SECOND, horizon_ns: 60 * SECOND };
    assert!(due(&mut growing(4), search, &mut Vec::new()).is_empty());
}

#[test]
fn reads_nothing_during_a_decision() {
    let mut history = History { shared: Arc::new(Shared::new(Table::new(1), None)), ..history() };
    let mut sampler = Sampler::new(Arc::clone(&history.shared), SECOND);
    let samples =
        |history: &History| history.shared.table().machine.as_ref().map(|series| series.samples().len());
    entry(&mut history, 3 * SECOND);
    sampler.sample(3 * SECOND + 1);
    assert_eq!((samples(&history), history.shared.table().cgroups.len()), (None, 0));
    history.decided();
    sampler.sample(3 * SECOND + 2);
    assert_eq!(samples(&history), Some(1));
    entry(&mut history, 4 * SECOND);
    sampler.sample(4 * SECOND + 1);
    assert_eq!(samples(&history), Some(1));
}
