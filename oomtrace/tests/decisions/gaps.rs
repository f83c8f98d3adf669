//! Lost frames and a tracer that stood still.

use oomtrace::{
    assemble::Assembler,
    decode::decode,
    explain::{Code, Confidence, Outcome, Policy, is_kill_for_memory},
    frame::Frame,
    report::ClosedBy,
};
use oomtrace_common::{
    event::{KillProcess, MarkVictim},
    frame::Kind,
};
use serde_json::json;

use crate::stream::{APP, LIMIT, MEMCG, MS, PODS, S, Stream, level, memcg_request, task, told};

const MESSAGE: &str = "Memory cgroup out of memory";

#[test]
fn counted_loss_lowers_the_confidence() {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    stream.context(Kind::Loss, &json!({ "lost": { "Exit": 3 } }));
    stream.memcg_oom(hog, PODS).kill(hog, hog, MESSAGE, MEMCG, LIMIT).leave(1, 1);
    stream.context(Kind::Loss, &json!({ "lost": { "Exit": 3, "Sigkill": 2 } })).exit(812);
    let told = stream.told();
    let report = told.only();
    assert_eq!((report.status.lost_frames, report.status.complete), (2, false));
    assert_eq!((report.cause.code, report.cause.confidence), (Code::MemcgLimit, Confidence::Inferred));
    assert!(
        report.cause.evidence.iter().any(|fact| fact.contains("2 frames")),
        "{:?}",
        report.cause.evidence
    );
}

#[test]
fn reports_a_pass_without_its_end() {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(hog, PODS).kill(hog, hog, MESSAGE, MEMCG, LIMIT).exit(812);
    let told = stream.told();
    assert_eq!(
        (told.only().status.closed_by, told.only().status.complete),
        (Some(ClosedBy::EndOfStream), false)
    );
    assert_eq!(
        (told.only().cause.confidence, told.only().selection.outcome),
        (Confidence::Inferred, Some(Outcome::Killed))
    );
    // A later pass proves that this one ended.
    let other = task(900);
    stream.memcg_oom(other, PODS).kill(other, other, MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(900).tick(6 * S);
    let told = stream.told();
    assert_eq!(told.closed.len(), 2);
    let by: Vec<_> = told.closed.iter().map(|report| report.status.closed_by.unwrap()).collect();
    assert!(by.contains(&ClosedBy::Timeout) && by.contains(&ClosedBy::Kernel), "{by:?}");
}

#[test]
fn reports_a_pass_without_its_beginning() {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    stream.enter().tree().kill(hog, hog, MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(812);
    let told = stream.told();
    let report = told.only();
    assert_eq!((report.cause.code, report.cause.confidence), (Code::MemcgLimit, Confidence::Inferred));
    assert_eq!(
        report.domain.cgroup.as_ref().unwrap().as_bytes(),
        b"/pods",
        "its level at the limit is above the trigger"
    );
    assert_eq!((report.status.complete, report.trigger.as_ref().unwrap().pid), (false, Some(812)));
}

#[test]
fn reports_kills_whose_frames_were_lost() {
    let (trigger, victim) = (task(812), task(900));
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(trigger, PODS).choose(victim, MESSAGE, MEMCG, LIMIT).add(MarkVictim { victim, trigger });
    stream.leave(1, 1).exit(900);
    let told = stream.told();
    assert_eq!(told.only().selection.policy, Some(Policy::Badness), "the pass counted one kill");
    assert!(!told.only().status.complete);
    let mut stream = Stream::new("fentry");
    stream
        .memcg_oom(trigger, PODS)
        .choose(victim, MESSAGE, MEMCG, LIMIT)
        .add(KillProcess { victim })
        .sigkill(900, 812);
    stream.leave(1, 1);
    let told = stream.told();
    assert_eq!(told.only().selection.outcome, Some(Outcome::Killed));
    assert!(!told.only().status.complete, "the mark is missing");
}

#[test]
fn a_missing_level_is_a_gap_and_does_not_shorten_the_path() {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    stream.enter().add(memcg_request(hog, PODS)).add(level(APP, PODS, b"app", 1, 1));
    stream.kill(hog, hog, MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(812);
    let told = stream.told();
    assert_eq!((told.only().domain.cgroup.as_ref(), told.only().status.complete), (None, false));
    assert_eq!(told.only().victims[0].process.cgroup, None);
    assert_eq!(told.only().cause.confidence, Confidence::Inferred);
}

#[test]
fn values_belong_to_their_pass() {
    let hog = task(812);
    let other = task(900);
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(hog, PODS).kill(hog, hog, MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(812);
    stream.enter().add(memcg_request(other, PODS));
    for mut memcg in crate::stream::tree() {
        if memcg.id == PODS {
            (memcg.usage_pages, memcg.max_pages) = (2048, 2048);
        }
        stream.add(memcg);
    }
    stream.kill(other, other, MESSAGE, MEMCG, 2048).leave(1, 1).exit(900);
    let limits: Vec<_> =
        stream.told().closed.iter().map(|report| report.domain.limit_bytes.unwrap()).collect();
    assert_eq!(limits, [64 << 20, 8 << 20]);
}

#[test]
fn late_lookups_do_not_change_the_kernels_times() {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(hog, PODS);
    let kernel = stream.now;
    // The tracer stands still for a minute. The ring keeps all frames.
    stream.later(60 * S).looked_up(812).sysctl(0).now = kernel;
    stream.kill(hog, hog, MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(812);
    let told = stream.told();
    assert_eq!((told.closed.len(), told.only().status.closed_by), (1, Some(ClosedBy::Kernel)));
    assert!(told.only().status.complete);
}

#[test]
fn closes_incidents_without_the_exit_hook() {
    let hog = task(812);
    let mut stream = Stream::with(&crate::stream::session("fentry", &["sched_process_exit"]));
    stream.memcg_oom(hog, PODS).kill(hog, hog, MESSAGE, MEMCG, LIMIT).leave(1, 1).tick(6 * S);
    assert!(matches!(stream.told().only().status.closed_by, Some(ClosedBy::Kernel | ClosedBy::Timeout)));
}

#[test]
fn deadlines_alone_close_every_incident() {
    for tier in ["fentry", "tracepoint"] {
        let hog = task(812);
        let mut stream = Stream::new(tier);
        if tier == "fentry" {
            stream.memcg_oom(hog, PODS).kill(hog, hog, MESSAGE, MEMCG, LIMIT);
        } else {
            stream.sigkill(812, 812).tree().add(MarkVictim { victim: hog, trigger: hog });
        }
        let mut assembler = Assembler::new(is_kill_for_memory);
        let mut steps = Vec::new();
        for (frame, _) in Frame::each(&stream.bytes) {
            assembler.push(decode(&frame).unwrap().unwrap(), &mut steps);
        }
        for _ in 0..5 {
            let Some(deadline) = assembler.next_deadline_ns() else { break };
            let mut tick = Stream { bytes: Vec::new(), now: deadline, pass: 0 };
            tick.tick(0);
            let frame = Frame::parse(&tick.bytes).unwrap();
            assembler.push(decode(&frame).unwrap().unwrap(), &mut steps);
        }
        assert_eq!((assembler.open(), assembler.next_deadline_ns()), (0, None), "{tier}");
        assert_eq!(told(&steps).closed.len(), 1);
    }
}

#[test]
fn reports_each_of_a_hundred_kills_in_a_row() {
    for tier in ["fentry", "tracepoint"] {
        let mut stream = Stream::new(tier);
        for pid in 1000..1100 {
            let hog = task(pid);
            if tier == "fentry" {
                stream.memcg_oom(hog, PODS).kill(hog, hog, MESSAGE, MEMCG, LIMIT).leave(1, 1);
            } else {
                stream.sigkill(pid, pid).tree().add(MarkVictim { victim: hog, trigger: hog });
            }
            stream.looked_up(pid).later(4 * MS);
            if pid >= 1001 {
                // Each victim exits while the kernel kills the next one.
                stream.exit(pid - 1);
            }
        }
        stream.exit(1099);
        let told = stream.told();
        assert_eq!((told.decided.len(), told.closed.len()), (100, 100), "{tier}");
        let pids: std::collections::BTreeSet<_> =
            told.closed.iter().map(|report| report.victims[0].process.pid).collect();
        assert_eq!(pids.len(), 100);
        assert!(told.closed.iter().all(|report| report.status.complete && report.victims.len() == 1));
    }
}

#[test]
fn a_kill_without_its_choice_has_no_policy() {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(hog, PODS).execute(hog, hog).leave(1, 1).exit(812);
    let told = stream.told();
    let report = told.only();
    assert_eq!((report.selection.policy, report.selection.outcome), (None, Some(Outcome::Killed)));
    assert_eq!((report.cause.confidence, report.status.complete), (Confidence::Inferred, false));
}

#[test]
fn reports_a_kill_whose_mark_and_signal_were_lost() {
    let (trigger, victim) = (task(812), task(900));
    let mut stream = Stream::new("fentry");
    stream
        .memcg_oom(trigger, PODS)
        .choose(victim, MESSAGE, MEMCG, LIMIT)
        .add(KillProcess { victim })
        .leave(1, 1);
    let told = stream.told();
    let selection = &told.only().selection;
    assert_eq!((selection.policy, selection.outcome), (Some(Policy::Badness), Some(Outcome::Killed)));
}
