//! Processes that hold memory and survive, and threads whose names differ from their process.

use oomtrace::report::ClosedBy;
use oomtrace_common::{
    event::{Candidate, CandidatesHead, Emptiness, EmptyPasses, OutOfMemory, Task},
    frame::Kind,
};
use zerocopy::{FromZeros as _, IntoBytes as _};

use crate::stream::{APP, LIMIT, MEMCG, PODS, ROOT, S, Stream, level, start, task};

const MESSAGE: &str = "Memory cgroup out of memory";

/// A process of 40 MiB that the kernel passed over.
fn passed_over(pid: i32, comm: &[u8], present: u32, adj: i16) -> Candidate {
    let mut row = Candidate::new_zeroed();
    row.present = Candidate::MEMORY | Candidate::OOM_SCORE_ADJ | present;
    (row.pid, row.start_boot_ns, row.memcg, row.points) = (pid, start(pid), APP, i64::MIN);
    (row.anon_rss_pages, row.oom_score_adj) = (10_240, adj);
    row.comm[..comm.len()].copy_from_slice(comm);
    row
}

fn table(stream: &mut Stream, rows: &[Candidate]) {
    let head = CandidatesHead {
        head_bytes: 32,
        row_bytes: 104,
        rows: u32::try_from(rows.len()).unwrap(),
        first: 0,
        kernel_threads: 0,
        left_out: 0,
        left_out_points: i64::MIN,
    };
    stream.raw(Kind::Candidate.number(), &[head.as_bytes(), rows.as_bytes()].concat());
}

/// Passes of `/pods` that find no process to kill among these.
#[expect(clippy::as_conversions, reason = "the discriminants are the numbers")]
fn nothing_to_kill(rows: &[Candidate]) -> Stream {
    let mut stream = Stream::new("fentry");
    stream.enter();
    table(&mut stream, rows);
    let passes = EmptyPasses {
        memcg: PODS,
        first_ns: stream.pass,
        last_ns: stream.now,
        count: 1,
        emptiness: Emptiness::NothingToKill as u32,
        pid: 176,
        tid: 176,
        order: 0,
        gfp_mask: 0xcc0,
        flags: OutOfMemory::MEMCG,
        evaluated: u32::try_from(rows.len()).unwrap(),
        constraint: MEMCG,
        total_pages: LIMIT,
    };
    stream
        .add(level(PODS, ROOT, b"pods", LIMIT, LIMIT))
        .add(level(ROOT, 0, b"", 0, u64::MAX >> 13))
        .add(passes);
    stream.pass = 0;
    stream
}

#[test]
fn names_the_exempt_process_and_the_trigger() {
    let exempt = passed_over(176, b"dbserver", 0, -1000);
    let told = nothing_to_kill(&[passed_over(90, b"sh", Candidate::IN_VFORK, 0), exempt]).told();
    let summary = &told.only().cause.summary;
    assert!(summary.contains(" when dbserver (pid 176) requested more memory; "), "{summary}");
    assert!(
        summary.contains(
            "no process in it can be killed: dbserver (pid 176) holds 40.0 MiB and has oom_score_adj -1000"
        ),
        "{summary}"
    );
    let trigger = told.only().trigger.as_ref().unwrap();
    assert_eq!((trigger.oom_score_adj, trigger.start_boot_ns), (Some(-1000), Some(start(176))));
}

#[test]
fn an_empty_cgroup_has_no_process_to_kill() {
    let told = nothing_to_kill(&[]).told();
    let summary = &told.only().cause.summary;
    assert!(summary.contains("there is no process in it to kill"), "{summary}");
}

/// A kill of 812 after the kernel passed over a stuck victim.
fn second_kill(stuck: Candidate) -> Stream {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(hog, PODS).choose(hog, MESSAGE, MEMCG, LIMIT);
    let chosen = Candidate { points: 15_400, present: Candidate::MEMORY | Candidate::POINTS, ..stuck };
    let own = Candidate { pid: 812, start_boot_ns: start(812), ..chosen };
    table(&mut stream, &[stuck, own]);
    stream.execute(hog, hog).leave(1, 1).exit(812);
    stream
}

#[test]
fn a_stuck_earlier_victim_explains_the_next_kill() {
    let stuck = passed_over(700, b"mlocker", Candidate::OOM_SKIP, 0);
    let told = second_kill(stuck).told();
    let cause = &told.only().cause;
    assert!(
        cause
            .summary
            .contains("; mlocker (pid 700) was killed before, has not exited and still holds 40.0 MiB"),
        "{}",
        cause.summary
    );
    assert!(cause.evidence.iter().any(|line| line.contains("41943040 bytes were not freed")), "{cause:?}");
    let freed = Candidate { anon_rss_pages: 0, ..stuck };
    let told = second_kill(freed).told();
    assert!(
        !told.only().cause.summary.contains("killed before"),
        "the earlier victim holds no memory any more"
    );
}

#[test]
fn names_a_victim_that_does_not_exit_and_marks_a_cut_stream() {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(hog, PODS).kill(hog, hog, MESSAGE, MEMCG, LIMIT).leave(1, 1);
    let cut = stream.told();
    let status = &cut.only().status;
    assert_eq!((status.closed_by, status.complete), (Some(ClosedBy::EndOfStream), false));
    let gap = "the stream ended before the exit of 1 victim";
    assert!(cut.only().cause.evidence.iter().any(|line| line == gap), "{:?}", cut.only().cause);
    stream.tick(20 * S);
    let told = stream.told();
    let report = told.only();
    assert_eq!((report.status.closed_by, report.status.complete), (Some(ClosedBy::Timeout), true));
    assert!(
        report.cause.summary.ends_with("; hog (pid 812) had not exited when the incident was closed"),
        "{}",
        report.cause.summary
    );
    let gone = stream.clone().told();
    assert_eq!(gone.decided.len(), 1);
    assert!(!gone.decided[0].cause.summary.contains("exited"), "at the decision, the exit is unknown");
}

#[test]
fn names_a_thread_and_its_process() {
    let (hog, mut thread) = (task(812), task(812));
    thread.tid = 815;
    thread.comm = [0; 16];
    thread.comm[..5].copy_from_slice(b"TIMER");
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(thread, PODS).kill(hog, thread, MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(812);
    let told = stream.told();
    let summary = &told.only().cause.summary;
    assert!(
        summary.contains(" when thread TIMER of hog (pid 812) requested more memory; hog (pid 812) was"),
        "{summary}"
    );
    let other = Task { tid: 815, ..task(812) };
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(other, PODS).kill(hog, other, MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(812);
    assert!(
        stream.told().only().cause.summary.contains(" when hog (pid 812) requested"),
        "the thread has the name of its process"
    );
}

#[test]
fn words_a_group_of_one_as_a_single_kill() {
    let hog = task(812);
    for (others, words) in [
        (&[][..], "; hog (pid 812) was killed"),
        (&[813][..], "and 1 more process was killed with it by memory.oom.group of /pods"),
        (&[813, 814], "and 2 more processes were killed with it by memory.oom.group of /pods"),
    ] {
        let mut stream = Stream::new("fentry");
        stream.memcg_oom(hog, PODS).choose(hog, MESSAGE, MEMCG, LIMIT).execute(hog, hog);
        stream.add(oomtrace_common::event::OomGroup { memcg: PODS, reserved: 0 });
        for pid in others {
            stream.execute(task(*pid), hog);
        }
        let kills = u32::try_from(others.len()).unwrap() + 1;
        stream.leave(kills, kills).exit(812);
        for pid in others {
            stream.exit(*pid);
        }
        let told = stream.told();
        assert!(told.only().cause.summary.contains(words), "{}", told.only().cause.summary);
    }
}
