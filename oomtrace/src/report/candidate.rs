//! The kernel's ballot in the report: one row for each task that the kernel examined, best first.

use std::collections::BTreeMap;

use serde::Serialize;

use super::counters::{Reading, adj_pages, base_pages};
use crate::{
    attribute::{Attribution, cgroup},
    bytes::ByteString,
    incident::{self, Counters, Incident, PassedOver, Task},
};

/// A task that the kernel examined. The eBPF side reads its counters at a slightly different time than the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// Process id.
    pub pid: Option<i32>,
    /// Name of the process.
    pub comm: Option<ByteString>,
    /// Real user id.
    pub uid: Option<u32>,
    /// Start time, `CLOCK_BOOTTIME` ns.
    pub start_boot_ns: Option<u64>,
    /// Path of its memory cgroup.
    pub cgroup: Option<ByteString>,
    /// The kernel's own points, in pages; `None` if the task was passed over or had asked to be killed first.
    pub points: Option<i64>,
    /// Whether it had asked to be killed first (`oom_flag_origin`). The kernel then counts no points.
    pub oom_flag_origin: bool,
    /// Resident pages: the sum of the next three.
    pub rss_pages: Option<u64>,
    /// Resident anonymous pages.
    pub anon_pages: Option<u64>,
    /// Resident pages of files.
    pub file_pages: Option<u64>,
    /// Resident shared pages.
    pub shmem_pages: Option<u64>,
    /// Swapped-out pages.
    pub swap_pages: Option<u64>,
    /// Pages of page tables.
    pub pgtables_pages: Option<u64>,
    /// A number from -1000 to 1000.
    pub oom_score_adj: Option<i16>,
    /// Pages that `oom_score_adj` adds.
    pub adj_pages: Option<i64>,
    /// The kernel's points minus the sum of the counters here. It is the change between the two readings, and from 7.0 on also
    /// the part that the counters keep back per CPU.
    pub difference_pages: Option<i64>,
    /// The reason why it could not be chosen.
    pub passed_over: Option<PassedOver>,
    /// Whether the kernel chose it.
    pub chosen: bool,
    /// The unit, container, pod or user that the task belonged to.
    #[serde(flatten)]
    pub place: Attribution,
}

/// Returns the rows, best first, or `None` if the tier does not record them.
pub(super) fn candidates(incident: &Incident, reading: Reading) -> Option<Vec<Candidate>> {
    let ranked = incident.ballot.as_ref()?.ranked();
    // Many candidates share a cgroup.
    let mut places: BTreeMap<u64, Attribution> = BTreeMap::new();
    let rows = ranked.into_iter().map(|candidate| {
        let mut row = row(incident, reading, candidate);
        if let Some((memcg, path)) = candidate.task.memcg.zip(row.cgroup.as_ref()) {
            let place = places.entry(memcg).or_insert_with(|| Attribution::of(&incident.names, path));
            row.place = place.clone().of_user(&incident.names, row.uid);
        }
        row
    });
    Some(rows.collect())
}

fn row(incident: &Incident, reading: Reading, candidate: &incident::Candidate) -> Candidate {
    let task = &candidate.task;
    let counters = counters(incident, reading, task);
    let points = candidate.points.filter(|points| *points != i64::MAX);
    let pages = |of: fn(Counters) -> u64| counters.map(of);
    Candidate {
        pid: task.pid,
        comm: task.leader_comm.clone().or_else(|| task.comm.clone()),
        uid: task.uid,
        start_boot_ns: task.start_boot_ns,
        cgroup: task.memcg.and_then(|id| cgroup::path_of(incident, id)),
        points,
        oom_flag_origin: candidate.points == Some(i64::MAX),
        rss_pages: pages(Counters::resident_pages),
        anon_pages: pages(|counters| counters.anon_pages),
        file_pages: pages(|counters| counters.file_pages),
        shmem_pages: pages(|counters| counters.shmem_pages),
        swap_pages: pages(|counters| counters.swap_pages),
        pgtables_pages: counters.map(|counters| counters.pgtables_pages(incident.page_size())),
        oom_score_adj: task.oom_score_adj,
        adj_pages: adj_pages(incident, task),
        difference_pages: difference(incident, reading, candidate, points),
        passed_over: candidate.passed_over,
        chosen: is_chosen(incident, candidate),
        place: Attribution::default(),
    }
}

/// Returns the counters of the leader. If the leader has exited, returns those of its thread that was killed.
fn counters(incident: &Incident, reading: Reading, task: &Task) -> Option<Counters> {
    let of_victim = || {
        let victim = incident.victims.iter().find(|victim| victim.task.is_same_process(task))?;
        reading.counters(&victim.task)
    };
    reading.counters(task).or_else(of_victim)
}

fn difference(
    incident: &Incident,
    reading: Reading,
    candidate: &incident::Candidate,
    points: Option<i64>,
) -> Option<i64> {
    let base = base_pages(incident, counters(incident, reading, &candidate.task)?)?;
    points?.checked_sub(base.checked_add(adj_pages(incident, &candidate.task)?)?)
}

fn is_chosen(incident: &Incident, candidate: &incident::Candidate) -> bool {
    incident.choice.as_ref().is_some_and(|choice| choice.task.is_same_process(&candidate.task))
}

#[cfg(test)]
mod tests {
    use super::{Reading, candidates};
    use crate::incident::{Ballot, Candidate, Choice, Counters, Incident, PassedOver, Task};

    fn task(pid: i32, anon_pages: u64, adj: i16) -> Task {
        let memory = Counters {
            total_vm_pages: 9000,
            file_pages: 20,
            anon_pages,
            shmem_pages: 3,
            swap_pages: 5,
            pgtables_bytes: 8 * 4096,
        };
        Task {
            pid: Some(pid),
            comm: Some("worker".into()),
            leader_comm: Some("hog".into()),
            start_boot_ns: Some(7),
            memcg: Some(9),
            oom_score_adj: Some(adj),
            memory: Some(memory),
            ..Task::default()
        }
    }

    fn row(task: Task, points: impl Into<Option<i64>>) -> Candidate {
        Candidate { task, points: points.into(), passed_over: None }
    }

    /// Builds a decision in a domain of this size. Process 1 is chosen.
    fn decided(total_pages: u64, candidates: Vec<Candidate>) -> Incident {
        let task = Task { pid: Some(1), start_boot_ns: Some(7), ..Task::default() };
        let choice =
            Choice { task, points: 0, total_pages, constraint: 0, evaluated: 3, message: Vec::new() };
        let ballot = Some(Ballot { candidates, ..Ballot::default() });
        let cgroups = [(9, "/pods".into())].into();
        Incident { choice: Some(choice), ballot, cgroups, ..Incident::default() }
    }

    #[test]
    fn rows_show_the_arithmetic_and_the_unexplained_difference() {
        let passed_over =
            Candidate { passed_over: Some(PassedOver::AdjMin), ..row(task(4, 50_000, -1000), None) };
        let rows = vec![
            passed_over,
            row(task(2, 1000, -900), 1036 - 900 * 16),
            row(task(1, 7000, 100), 7036 + 1600 - 31),
            row(Task { memory: None, ..task(3, 0, 0) }, 12),
        ];
        let reported = candidates(&decided(16_384, rows), Reading::Exact).unwrap();
        let pids: Vec<_> = reported.iter().map(|row| (row.pid, row.chosen)).collect();
        assert_eq!(pids, [(Some(1), true), (Some(3), false), (Some(2), false), (Some(4), false)]);
        let [first, torn, negative, last] = reported.as_slice() else { panic!("{reported:?}") };
        assert_eq!((first.rss_pages, first.swap_pages, first.pgtables_pages), (Some(7023), Some(5), Some(8)));
        assert_eq!((first.adj_pages, first.difference_pages), (Some(1600), Some(-31)));
        assert_eq!(first.comm.as_ref().unwrap().as_bytes(), b"hog", "the process's name, not the thread's");
        assert_eq!(first.cgroup.as_ref().unwrap().as_bytes(), b"/pods");
        assert_eq!((torn.points, torn.rss_pages, torn.difference_pages), (Some(12), None, None));
        assert_eq!((negative.points, negative.difference_pages), (Some(-13_364), Some(0)));
        assert_eq!((last.points, last.difference_pages, last.rss_pages), (None, None, Some(50_023)));
        assert_eq!(last.passed_over, Some(PassedOver::AdjMin));
    }

    #[test]
    fn adjustment_adds_no_pages_in_a_small_domain() {
        let reported = candidates(&decided(768, vec![row(task(1, 700, 500), 736)]), Reading::Exact).unwrap();
        assert_eq!((reported[0].adj_pages, reported[0].difference_pages), (Some(0), Some(0)));
    }

    #[test]
    fn ranks_a_task_with_oom_flag_origin_first_without_points() {
        let rows = vec![row(task(1, 10, 0), i64::MAX), row(task(2, 7000, 0), 7036)];
        let reported = candidates(&decided(16_384, rows), Reading::Exact).unwrap();
        assert_eq!((reported[0].pid, reported[0].points, reported[0].oom_flag_origin), (Some(1), None, true));
        assert_eq!((reported[0].difference_pages, reported[1].oom_flag_origin), (None, false));
    }

    #[test]
    fn distinguishes_reused_pids_and_missing_ballots() {
        let again = Task { start_boot_ns: Some(8), ..task(1, 10, 0) };
        let reported = candidates(&decided(16_384, vec![row(again, 46)]), Reading::Exact).unwrap();
        assert!(!reported[0].chosen);
        let unseen = Incident { ballot: None, ..decided(16_384, Vec::new()) };
        assert_eq!(candidates(&unseen, Reading::Exact), None);
        assert_eq!(candidates(&decided(16_384, Vec::new()), Reading::Exact), Some(Vec::new()));
    }
}
