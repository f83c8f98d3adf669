//! The ballot in the report: rows, margin, and the cgroup paths that user space read.

use oomtrace::{
    context::{CGROUPS_KEPT, CgroupPaths},
    incident::PassedOver,
    report::Report,
};
use oomtrace_common::{
    event::{Candidate, CandidatesHead},
    frame::Kind,
};
use zerocopy::{FromZeros as _, IntoBytes as _};

use crate::stream::{APP, LIMIT, MEMCG, OTHER, PODS, Stream, base, start, task};

const MESSAGE: &str = "Memory cgroup out of memory";

/// A candidate like [`task`], with this pid, `oom_score_adj` and cgroup.
fn row(pid: i32, adj: i16, memcg: u64) -> Candidate {
    let like = task(pid);
    let mut row = Candidate::new_zeroed();
    row.present = Candidate::MEMORY | Candidate::POINTS | Candidate::UID | Candidate::OOM_SCORE_ADJ;
    (row.pid, row.start_boot_ns, row.memcg, row.oom_score_adj, row.uid) = (pid, start(pid), memcg, adj, 1000);
    row.points = base(&like) + i64::from(adj) * 16;
    (row.anon_rss_pages, row.file_rss_pages) = (like.anon_rss_pages, like.file_rss_pages);
    (row.shmem_rss_pages, row.swap_pages) = (like.shmem_rss_pages, like.swap_pages);
    row.pgtables_bytes = like.pgtables_bytes;
    row.comm[..3].copy_from_slice(b"hog");
    row
}

/// A decision of the kernel among these candidates. The kernel kills the one with pid 900; user space reports the paths in
/// `told`.
fn decided(rows: &[Candidate], told: &[(u64, &str)]) -> Report {
    let (trigger, mut victim) = (task(812), task(900));
    victim.oom_score_adj = rows.iter().find(|row| row.pid == 900).unwrap().oom_score_adj;
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(trigger, PODS);
    let head = CandidatesHead {
        head_bytes: 32,
        row_bytes: 104,
        rows: u32::try_from(rows.len()).unwrap(),
        first: 0,
        kernel_threads: 2,
        left_out: 0,
        left_out_points: i64::MIN,
    };
    stream.raw(Kind::Candidate.number(), &[head.as_bytes(), rows.as_bytes()].concat());
    stream.kill(victim, trigger, MESSAGE, MEMCG, LIMIT);
    let paths = told.iter().map(|(id, path)| (*id, (*path).into())).collect();
    stream.context(Kind::CgroupPaths, &CgroupPaths { paths });
    stream.leave(1, 1).exit(900);
    let told = stream.told();
    assert_eq!(told.decided[0].candidates, told.closed[0].candidates);
    told.only().clone()
}

#[test]
fn reports_the_cgroup_of_each_row_and_the_winners_margin() {
    let passed_over = Candidate { points: i64::MIN, ..row(813, -1000, 77) };
    let rows = [row(812, -30, APP), row(900, 3, OTHER), passed_over, row(814, 2, 78)];
    let report = decided(&rows, &[(OTHER, "/other"), (APP, "/not/asked"), (78, "/x")]);
    let told = report.candidates.as_ref().unwrap();
    let path = |index: usize| told[index].cgroup.as_ref().map(|path| path.as_bytes().to_vec());
    let pids: Vec<_> = told.iter().map(|row| (row.pid.unwrap(), row.chosen)).collect();
    assert_eq!(pids, [(900, true), (814, false), (812, false), (813, false)]);
    assert_eq!([path(0), path(1)], [Some(b"/other".to_vec()), Some(b"/x".to_vec())]);
    assert_eq!(path(2), Some(b"/pods/app".to_vec()), "the kernel side read its path closer to the decision");
    assert_eq!((path(3), told[3].passed_over), (None, Some(PassedOver::AdjMin)));
    assert!(told.iter().all(|row| row.difference_pages.unwrap_or(0) == 0), "{told:?}");
    assert_eq!((report.candidates_left_out, report.kernel_threads), (Some(0), Some(2)));
    let selection = &report.selection;
    assert_eq!((selection.margin_points, selection.runner_up_pid), (Some(16), Some(814)));
    assert_eq!((selection.chosen_adj_at_most, selection.runner_up_adj_at_least), (Some(2), Some(3)));
    let summary = &report.cause.summary;
    assert!(summary.ends_with("highest score of 3 candidates, 16 pages ahead of hog (pid 814)"), "{summary}");
}

#[test]
fn reports_a_tie_and_a_single_candidate() {
    let tie = decided(&[row(812, 0, APP), row(900, 0, APP)], &[]);
    assert_eq!((tie.selection.margin_points, tie.selection.chosen_adj_at_most), (Some(0), Some(-1)));
    assert!(
        tie.cause.summary.ends_with("equal to hog (pid 812), which the kernel examined earlier"),
        "{tie:?}"
    );
    let protected = Candidate { points: i64::MIN, ..row(812, -1000, APP) };
    let alone = decided(&[protected, row(900, 0, APP)], &[]);
    assert_eq!(alone.selection.margin_points, None);
    assert!(alone.cause.summary.ends_with("the only candidate"), "{}", alone.cause.summary);
}

/// User space forgets paths in the same order as the assembler, and sends them again.
#[test]
fn bounds_the_remembered_paths() {
    let many: Vec<(u64, &str)> =
        (1000..=1000 + u64::try_from(CGROUPS_KEPT).unwrap()).map(|id| (id, "/it")).collect();
    let last = many.last().unwrap().0;
    let report = decided(&[row(812, 0, 1000), row(814, 0, 1001), row(900, 3, last)], &many);
    let known: Vec<_> = report.candidates.unwrap().iter().map(|row| row.cgroup.is_some()).collect();
    assert_eq!(known, [true, true, false]);
}
