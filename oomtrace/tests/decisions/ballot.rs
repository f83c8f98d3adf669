//! The table of candidates: complete, shortened, partly lost, from passes without a kill, and why each candidate was passed
//! over.

use oomtrace::{
    assemble::Step,
    context::HookState,
    incident::{Ballot, Incident, PassedOver},
    kernel::tier::Tier,
};
use oomtrace_common::{
    event::{Candidate, CandidatesHead, Emptiness, EmptyPasses, OutOfMemory, OutOfMemoryReturn},
    frame::Kind,
};
use zerocopy::{FromZeros as _, IntoBytes as _};

use crate::stream::{APP, LIMIT, MEMCG, MS, NONE, PODS, S, Stream, choice, returned, session, start, task};

const MESSAGE: &str = "Memory cgroup out of memory";

/// A stream of a tracer that records the table.
fn stream() -> Stream {
    let mut session = session("fentry", &[]);
    session.hooks.push(HookState { name: "oom_badness".to_owned(), tier: Some(Tier::Fentry) });
    Stream::with(&session)
}

/// A candidate of 60 MiB with points.
fn row(pid: i32, points: i64) -> Candidate {
    let mut row = Candidate::new_zeroed();
    row.present = Candidate::MEMORY | Candidate::POINTS | Candidate::UID | Candidate::OOM_SCORE_ADJ;
    (row.pid, row.start_boot_ns, row.memcg, row.points, row.uid) = (pid, start(pid), APP, points, 1000);
    (row.anon_rss_pages, row.file_rss_pages, row.swap_pages) = (15_000, -3, 10);
    row.comm[..3].copy_from_slice(b"hog");
    row
}

/// A candidate for which the kernel did not call `oom_badness`.
fn unasked(pid: i32, present: u32) -> Candidate {
    Candidate { present, ..row(pid, i64::MIN) }
}

fn head(rows: &[Candidate], first: u32) -> CandidatesHead {
    CandidatesHead {
        head_bytes: 32,
        row_bytes: 104,
        rows: u32::try_from(rows.len()).unwrap(),
        first,
        kernel_threads: 0,
        left_out: 0,
        left_out_points: i64::MIN,
    }
}

fn table(stream: &mut Stream, head: CandidatesHead, rows: &[Candidate]) {
    stream.now += 1000;
    stream.raw(Kind::Candidate.number(), &[head.as_bytes(), rows.as_bytes()].concat());
}

fn chunk(stream: &mut Stream, rows: &[Candidate]) {
    table(stream, head(rows, 0), rows);
}

/// The incident of the last step.
fn last(stream: &Stream) -> Incident {
    match stream.steps().pop().unwrap() {
        Step::Closed(incident) | Step::Decided(incident) => *incident,
    }
}

fn ballot(stream: &Stream) -> Ballot {
    last(stream).ballot.unwrap()
}

fn pids(ballot: &Ballot) -> Vec<i32> {
    ballot.candidates.iter().map(|candidate| candidate.task.pid.unwrap()).collect()
}

/// A decision about a cgroup with these rows. The kernel kills 812.
fn decided(rows: &[Candidate]) -> Stream {
    let hog = task(812);
    let mut stream = stream();
    stream.memcg_oom(hog, PODS).choose(hog, MESSAGE, MEMCG, LIMIT);
    chunk(&mut stream, rows);
    stream.execute(hog, hog).add(OutOfMemoryReturn { evaluated: 4, ..returned(1, 1) }).exit(812);
    stream
}

fn gaps(stream: &Stream) -> bool {
    !stream.told().only().status.complete
}

#[test]
fn lists_candidates_in_the_kernels_order() {
    let rows = [row(900, 7), row(812, 15_400), row(901, -57_794), row(902, i64::MAX)];
    let stream = decided(&rows);
    let ballot = ballot(&stream);
    assert_eq!(pids(&ballot), [900, 812, 901, 902]);
    let points: Vec<_> = ballot.candidates.iter().map(|candidate| candidate.points).collect();
    assert_eq!(points, [Some(7), Some(15_400), Some(-57_794), Some(i64::MAX)]);
    let hog = &ballot.candidates[1];
    let memory = hog.task.memory.unwrap();
    assert_eq!((memory.anon_pages, memory.file_pages, memory.swap_pages), (15_000, 0, 10));
    assert_eq!((hog.task.uid, hog.task.memcg, hog.passed_over), (Some(1000), Some(APP), None));
    assert!(ballot.is_whole() && !gaps(&stream));
    // The decided incident already has the table.
    let first = stream.steps().into_iter().next().unwrap();
    assert!(matches!(first, Step::Decided(incident) if incident.ballot.as_ref() == Some(&ballot)));
}

#[test]
fn accepts_rows_before_the_choice_and_the_pass() {
    let hog = task(812);
    let rows = [row(812, 9), row(813, 8), row(814, 7), row(815, 6)];
    for beginning in [true, false] {
        let mut stream = stream();
        stream.enter();
        chunk(&mut stream, &rows);
        if beginning {
            stream.add(crate::stream::memcg_request(hog, PODS));
        }
        stream.kill(hog, hog, MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(812);
        assert_eq!(pids(&ballot(&stream)), [812, 813, 814, 815]);
    }
}

#[test]
fn joins_chunks_and_reports_omitted_rows() {
    let rows: Vec<Candidate> = (0..100).map(|pid| row(1000 + pid, i64::from(pid))).collect();
    let counts = CandidatesHead { kernel_threads: 80, left_out: 5, left_out_points: 41, ..head(&rows, 0) };
    let hog = task(812);
    let mut stream = stream();
    stream.memcg_oom(hog, PODS);
    table(&mut stream, CandidatesHead { rows: 64, ..counts }, &rows[..64]);
    table(&mut stream, CandidatesHead { rows: 36, first: 64, ..counts }, &rows[64..]);
    stream.kill(hog, hog, MESSAGE, MEMCG, LIMIT);
    stream.add(OutOfMemoryReturn { evaluated: 185, ..returned(1, 1) }).exit(812);
    let ballot = ballot(&stream);
    assert_eq!((ballot.candidates.len(), ballot.kernel_threads, ballot.left_out), (100, 80, 5));
    assert_eq!((ballot.left_out_points, ballot.is_whole(), ballot.evaluated()), (Some(41), false, 185));
    assert!(!gaps(&stream), "omitted rows are not lost rows");
}

#[test]
fn lost_rows_are_a_gap() {
    let three = [row(812, 9), row(813, 8), row(814, 7)];
    assert!(gaps(&decided(&three)));
    let hog = task(812);
    let mut without = stream();
    without.memcg_oom(hog, PODS).kill(hog, hog, MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(812);
    assert!(gaps(&without), "all rows are missing");
    // A tracer from before the table records none, so nothing is missing.
    let mut old = Stream::new("fentry");
    old.memcg_oom(hog, PODS).kill(hog, hog, MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(812);
    assert!(!gaps(&old) && last(&old).ballot.is_none());
    // The kernel examined no process.
    let mut allocating = stream();
    allocating.global_oom(hog).add(oomtrace_common::event::OomKillProcess {
        evaluated: 0,
        ..choice(hog, "Out of memory (oom_kill_allocating_task)", NONE, LIMIT)
    });
    allocating.execute(hog, hog).add(OutOfMemoryReturn { evaluated: 0, ..returned(1, 1) }).exit(812);
    assert!(!gaps(&allocating) && last(&allocating).ballot.is_none());
}

#[test]
fn derives_each_reason_from_the_task() {
    let all = Candidate::MEMORY | Candidate::OOM_SCORE_ADJ;
    let spared = Candidate { oom_score_adj: -1000, ..unasked(5, all | Candidate::POINTS) };
    let cases = [
        (unasked(1, all), Some(PassedOver::Init)),
        (Candidate { returned: 1, ..unasked(5, Candidate::WAS_VICTIM) }, Some(PassedOver::AlreadyVictim)),
        (unasked(5, Candidate::WAS_VICTIM | Candidate::OOM_SKIP), Some(PassedOver::OomSkip)),
        (spared, Some(PassedOver::AdjMin)),
        // Another `oom_score_adj` would have changed nothing.
        (Candidate { present: spared.present | Candidate::IN_VFORK, ..spared }, Some(PassedOver::InVfork)),
        (Candidate { present: spared.present | Candidate::OOM_SKIP, ..spared }, Some(PassedOver::OomSkip)),
        (unasked(5, all | Candidate::POINTS | Candidate::IN_VFORK), Some(PassedOver::InVfork)),
        (unasked(5, Candidate::POINTS | Candidate::OOM_SCORE_ADJ), Some(PassedOver::NoMemory)),
        (unasked(5, all | Candidate::POINTS), Some(PassedOver::NoMemory)),
        (unasked(5, all), None),
        // The kernel computed points: for the living thread of a dead leader, and for a victim under SysRq.
        (row(5, 3), None),
        (Candidate { present: Candidate::POINTS | Candidate::WAS_VICTIM, ..row(5, 3) }, None),
    ];
    for (candidate, reason) in cases {
        let ballot = ballot(&decided(&[candidate, row(812, 9)]));
        assert_eq!(ballot.candidates[0].passed_over, reason, "{candidate:?}");
        assert_eq!(ballot.candidates[0].points.is_some(), candidate.points == 3);
    }
}

#[test]
fn nodes_are_a_reason_only_if_the_kernel_checks_them() {
    let hog = task(812);
    let all = Candidate::MEMORY | Candidate::OOM_SCORE_ADJ;
    let of_machine = |rows: &[Candidate]| {
        let mut stream = stream();
        stream.global_oom(hog);
        chunk(&mut stream, rows);
        stream.kill(hog, hog, "Out of memory", NONE, LIMIT).leave(1, 1).exit(812);
        ballot(&stream).candidates[0].passed_over
    };
    assert_eq!(of_machine(&[unasked(5, all), row(812, 9)]), Some(PassedOver::NotEligible));
    assert_eq!(ballot(&decided(&[unasked(5, all), row(812, 9)])).candidates[0].passed_over, None);
    // If `oom_badness` is not traced, missing points mean nothing. The winner's points are known anyway.
    let chosen = Candidate { points: 9, ..unasked(812, all | Candidate::CHOSEN) };
    assert_eq!(of_machine(&[unasked(5, all), chosen]), None);
    assert_eq!(ballot(&decided(&[unasked(5, all), chosen])).candidates[1].points, Some(9));
}

#[expect(clippy::as_conversions, reason = "the discriminants are the numbers")]
fn empty(stream: &mut Stream, emptiness: Emptiness, rows: &[Candidate]) -> EmptyPasses {
    stream.enter();
    let passes = EmptyPasses {
        memcg: PODS,
        first_ns: stream.pass,
        last_ns: stream.pass,
        count: 1,
        emptiness: emptiness as u32,
        flags: OutOfMemory::MEMCG,
        evaluated: u32::try_from(rows.len()).unwrap(),
        ..EmptyPasses::new_zeroed()
    };
    stream.tree();
    chunk(stream, rows);
    stream.add(passes);
    stream.pass = 0;
    passes
}

#[test]
fn the_first_empty_pass_of_a_run_has_the_table() {
    let spared = [Candidate { oom_score_adj: -1000, ..row(900, i64::MIN) }];
    let mut stream = stream();
    let passes = empty(&mut stream, Emptiness::NothingToKill, &spared);
    for second in 1..=150 {
        stream.later(S);
        let last_ns = stream.now;
        stream.add(EmptyPasses { count: second * 10, last_ns, ..passes });
    }
    let steps = stream.steps();
    let closed = steps.iter().filter_map(|step| match step {
        Step::Closed(incident) => Some(incident),
        Step::Decided(_) => None,
    });
    let told: Vec<_> = closed.map(|incident| incident.ballot.as_ref().map(pids)).collect();
    assert_eq!(told, [Some(vec![900]), None, None], "the first report has the table");
    let reports = stream.told().closed;
    let mut evidence = reports.iter().flat_map(|report| &report.cause.evidence);
    assert!(reports[0].status.complete && !evidence.any(|fact| fact.contains("candidates were seen")));
    assert!(matches!(&steps[0], Step::Decided(incident) if incident.ballot.is_some()));
}

#[test]
fn keeps_the_tables_of_overlapping_passes_apart() {
    let rows = [row(812, 9), row(813, 8), row(814, 7), row(815, 6)];
    let hog = task(812);
    let mut stream = stream();
    stream.memcg_oom(hog, PODS).choose(hog, MESSAGE, MEMCG, LIMIT);
    chunk(&mut stream, &rows);
    stream.execute(hog, hog).leave(1, 1).later(MS);
    let dying = Candidate { returned: 1, ..unasked(812, Candidate::WAS_VICTIM) };
    empty(&mut stream, Emptiness::VictimDying, &[dying]);
    stream.exit(812);
    assert_eq!(pids(&ballot(&stream)), [812, 813, 814, 815]);
}

#[test]
fn bounds_the_ballot_of_a_damaged_stream() {
    let rows = vec![row(5, 1); 64];
    let hog = task(812);
    let mut stream = stream();
    stream.memcg_oom(hog, PODS);
    for _ in 0..400 {
        chunk(&mut stream, &rows);
    }
    assert_eq!(ballot(&stream).candidates.len(), 8192);
}
