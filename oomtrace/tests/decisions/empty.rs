//! Passes that kill no process.

use oomtrace::{
    explain::{Code, Outcome, Policy},
    report::{ClosedBy, Report},
};
use oomtrace_common::event::{Emptiness, EmptyPasses, OutOfMemory};

use crate::stream::{
    APP, LIMIT, MEMCG, MS, OTHER, PODS, ROOT, S, Stream, level, memcg_request, session, task,
};

const MESSAGE: &str = "Memory cgroup out of memory";

#[expect(clippy::as_conversions, reason = "the discriminants are the numbers")]
fn run(stream: &Stream, emptiness: Emptiness, count: u64, first_ns: u64) -> EmptyPasses {
    EmptyPasses {
        memcg: PODS,
        first_ns,
        last_ns: stream.now,
        count,
        emptiness: emptiness as u32,
        pid: 812,
        tid: 813,
        order: 0,
        gfp_mask: 0xcc0,
        flags: OutOfMemory::MEMCG,
        evaluated: 2,
        constraint: MEMCG,
        total_pages: LIMIT,
    }
}

/// The first pass of a run as the kernel side sends it, with the domain's path.
fn first(stream: &mut Stream, emptiness: Emptiness) -> EmptyPasses {
    stream.enter();
    let passes = run(stream, emptiness, 1, stream.pass);
    stream
        .add(level(PODS, ROOT, b"pods", LIMIT, LIMIT))
        .add(level(ROOT, 0, b"", 0, u64::MAX >> 13))
        .add(passes);
    stream.pass = 0;
    passes
}

fn again(stream: &mut Stream, passes: EmptyPasses, count: u64, after: u64) {
    stream.later(after);
    let last_ns = stream.now;
    stream.add(EmptyPasses { count, last_ns, ..passes });
}

fn counts(reports: &[Report]) -> Vec<u64> {
    reports.iter().map(|report| report.empty_passes.unwrap().count).collect()
}

#[test]
fn reports_repeated_passes_without_a_candidate() {
    let mut stream = Stream::new("fentry");
    let passes = first(&mut stream, Emptiness::NothingToKill);
    for second in 1..=5 {
        again(&mut stream, passes, second * 700, S);
    }
    assert_eq!(stream.told().only().status.closed_by, Some(ClosedBy::EndOfStream));
    stream.tick(4 * S);
    let told = stream.told();
    let report = told.only();
    assert_eq!(told.decided.len(), 1);
    assert_eq!((report.cause.code, report.selection.policy), (Code::MemcgLimit, Some(Policy::NoneKillable)));
    assert_eq!((report.selection.outcome, report.victims.len()), (Some(Outcome::NoKill), 0));
    assert_eq!((counts(&told.closed), report.status.closed_by), (vec![3500], Some(ClosedBy::Timeout)));
    assert_eq!(report.domain.cgroup.as_ref().unwrap().as_bytes(), b"/pods");
    assert_eq!(report.trigger.as_ref().unwrap().tid, Some(813));
    assert!(report.status.complete);
}

#[test]
fn the_kernels_count_is_final() {
    let mut stream = Stream::new("fentry");
    let passes = first(&mut stream, Emptiness::NothingToKill);
    again(&mut stream, passes, 500, S);
    let last_ns = stream.now + 300 * MS;
    stream.later(S).add(EmptyPasses { count: 777, last_ns, ..passes }).tick(4 * S);
    assert_eq!(counts(&stream.told().closed), [777]);
}

#[test]
fn reports_a_long_storm_every_minute_and_counts_it_once() {
    let mut stream = Stream::new("fentry");
    let passes = first(&mut stream, Emptiness::NothingToKill);
    for second in 1..=150 {
        again(&mut stream, passes, second * 10, S);
    }
    let told = stream.told();
    assert_eq!(told.closed.len(), 3, "{:?}", counts(&told.closed));
    assert_eq!(counts(&told.closed).iter().sum::<u64>(), 1500);
    let mut ids: Vec<_> = told.closed.iter().map(|report| &report.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    assert_eq!(told.closed[2].domain.kind, Some("memcg"));
}

#[test]
fn two_domains_that_alternate_are_two_incidents() {
    let mut stream = Stream::new("fentry");
    for _ in 0..50 {
        first(&mut stream, Emptiness::NothingToKill);
        stream.enter();
        let passes = EmptyPasses { memcg: OTHER, ..run(&stream, Emptiness::NothingToKill, 3, stream.pass) };
        stream.add(passes).later(10 * MS).pass = 0;
    }
    let told = stream.told();
    assert_eq!(told.decided.len(), 2);
    assert_eq!(counts(&told.closed), [50, 150]);
}

#[test]
fn the_empty_passes_of_a_writer_belong_to_its_kill() {
    let mut writer = task(700);
    writer.memcg = ROOT;
    let victim = task(900);
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(writer, PODS).kill(victim, writer, MESSAGE, MEMCG, LIMIT).leave(1, 1);
    let passes = first(&mut stream, Emptiness::VictimDying);
    again(&mut stream, passes, 2000, S);
    let dying = first(&mut stream, Emptiness::TriggerDying);
    again(&mut stream, dying, 10, S);
    // The victim's pages are still charged, but the victim is no candidate any more.
    first(&mut stream, Emptiness::NothingToKill);
    stream.exit(900);
    first(&mut stream, Emptiness::NothingToKill);
    stream.tick(10 * S);
    let told = stream.told();
    assert_eq!((told.decided.len(), counts(&told.closed)), (1, vec![2012]));
    assert_eq!(told.only().victims.len(), 1);
}

#[test]
fn an_incident_waits_for_the_kernels_count() {
    let (writer, victim) = (task(700), task(900));
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(writer, PODS).kill(victim, writer, MESSAGE, MEMCG, LIMIT).leave(1, 1);
    let passes = first(&mut stream, Emptiness::VictimDying);
    stream.exit(900);
    let mut counted = stream.clone();
    // The kernel side holds the count back. The last pass came right after the first.
    counted.later(S + 100 * MS).add(EmptyPasses { count: 2690, last_ns: passes.last_ns + 30 * MS, ..passes });
    counted.tick(2 * S);
    let told = counted.told();
    assert_eq!((counts(&told.closed), told.only().status.closed_by), (vec![2690], Some(ClosedBy::Kernel)));
    // A count that never arrives is not awaited for long.
    stream.tick(2 * S);
    let told = stream.told();
    assert_eq!((counts(&told.closed), told.only().status.closed_by), (vec![1], Some(ClosedBy::Kernel)));
}

#[test]
fn waits_for_the_writers_passes_after_the_victim_exits() {
    let (writer, victim) = (task(700), task(900));
    let mut stream = Stream::new("fentry");
    let flags = OutOfMemory::MEMCG | OutOfMemory::MEMORY_MAX_WRITE;
    stream.enter().add(OutOfMemory { flags, ..memcg_request(writer, PODS) }).tree();
    stream.kill(victim, writer, MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(900).later(50 * MS);
    let passes = first(&mut stream, Emptiness::VictimDying);
    again(&mut stream, passes, 4508, 1100 * MS);
    stream.tick(3 * S);
    let told = stream.told();
    assert_eq!((counts(&told.closed), told.only().status.closed_by), (vec![4508], Some(ClosedBy::Kernel)));
}

#[test]
fn empty_passes_before_a_kill_belong_to_the_previous_kill() {
    let (writer, one, other) = (task(700), task(900), task(901));
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(writer, PODS).kill(one, writer, MESSAGE, MEMCG, LIMIT).leave(1, 1);
    let passes = first(&mut stream, Emptiness::VictimDying);
    stream.exit(900);
    again(&mut stream, passes, 500, 10 * MS);
    stream.tick(3 * S);
    stream.memcg_oom(writer, PODS).kill(other, writer, MESSAGE, MEMCG, LIMIT).leave(1, 1);
    again(&mut stream, passes, 740, 10 * MS);
    stream.exit(901).tick(3 * S);
    assert_eq!(counts(&stream.told().closed), [500, 240]);
}

#[test]
fn counts_a_run_across_two_open_kills_once() {
    let (writer, one, other) = (task(700), task(900), task(901));
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(writer, PODS).kill(one, writer, MESSAGE, MEMCG, LIMIT).leave(1, 1);
    let passes = first(&mut stream, Emptiness::VictimDying);
    stream.memcg_oom(writer, PODS).kill(other, writer, MESSAGE, MEMCG, LIMIT).leave(1, 1);
    again(&mut stream, passes, 47, 10 * MS);
    stream.exit(900).exit(901).tick(3 * S);
    assert_eq!(counts(&stream.told().closed), [1, 46]);
}

#[test]
fn counts_alternating_runs_once() {
    let (writer, victim) = (task(700), task(900));
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(writer, PODS).kill(victim, writer, MESSAGE, MEMCG, LIMIT).leave(1, 1);
    let dying = first(&mut stream, Emptiness::VictimDying);
    first(&mut stream, Emptiness::NothingToKill);
    again(&mut stream, dying, 400, 10 * MS);
    stream.exit(900).tick(3 * S);
    assert_eq!(counts(&stream.told().closed), [401]);
}

#[test]
fn reports_a_storm_that_outlives_the_kill() {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(hog, PODS).kill(hog, hog, MESSAGE, MEMCG, LIMIT).leave(1, 1);
    let passes = first(&mut stream, Emptiness::NothingToKill);
    stream.exit(812);
    again(&mut stream, passes, 900, S);
    again(&mut stream, passes, 1800, S);
    let told = stream.told();
    assert_eq!(told.closed.len(), 2);
    assert_eq!(told.closed[1].selection.policy, Some(Policy::NoneKillable));
    assert_eq!(told.closed[1].domain.cgroup.as_ref().unwrap().as_bytes(), b"/pods");
}

#[test]
fn a_kill_ends_the_run_before_it() {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    let passes = first(&mut stream, Emptiness::NothingToKill);
    again(&mut stream, passes, 40, 2 * S);
    stream.memcg_oom(hog, PODS).kill(hog, hog, MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(812);
    let told = stream.told();
    assert_eq!(told.closed.len(), 2);
    assert_eq!(
        (counts(&told.closed[..1]), told.closed[0].status.closed_by),
        (vec![40], Some(ClosedBy::Kernel))
    );
    assert!(told.closed[1].empty_passes.is_none());
}

#[test]
fn a_cgroup_kills_for_an_allocation_without_gfp_fs() {
    let mut stream = Stream::new("kprobe");
    stream.enter();
    let passes = run(&stream, Emptiness::Nothing, 1, stream.pass);
    let flags = OutOfMemory::MEMCG;
    stream.add(EmptyPasses { memcg: PODS, flags, gfp_mask: 0xc40, ..passes });
    assert_eq!(stream.told().only().selection.policy, Some(Policy::NotifierFreed));
}

#[test]
fn distinguishes_disabled_and_freed_from_unkillable() {
    let cases = [
        (Emptiness::NothingToKill, 0xcc0, Policy::Disabled),
        (Emptiness::Nothing, 0xcc0, Policy::NotifierFreed),
        (Emptiness::Nothing, 0xc40, Policy::GfpNofs),
        // Up to 5.15, a page fault has no GFP mask.
        (Emptiness::Nothing, 0, Policy::NotifierFreed),
        (Emptiness::BpfFreed, 0xcc0, Policy::BpfProgram),
    ];
    for (emptiness, gfp_mask, policy) in cases {
        let mut stream = Stream::new("kprobe");
        stream.enter();
        let passes = run(&stream, emptiness, 1, stream.pass);
        stream.add(EmptyPasses {
            memcg: 0,
            flags: OutOfMemory::ZONELIST,
            total_pages: 0,
            constraint: 0,
            gfp_mask,
            ..passes
        });
        let told = stream.told();
        assert_eq!(told.only().selection.policy, Some(policy));
        assert_eq!(told.only().cause.code, Code::Global);
        assert_eq!(
            (told.only().allocation.constraint, told.only().domain.total_pages),
            (None, None),
            "not sized"
        );
    }
}

#[test]
fn dying_victims_of_an_unknown_kill_are_no_incident() {
    for emptiness in [Emptiness::VictimDying, Emptiness::TriggerDying] {
        let mut stream = Stream::new("fentry");
        first(&mut stream, emptiness);
        assert!(stream.told().closed.is_empty());
    }
    let mut stream = Stream::new("fentry");
    stream.enter();
    let passes =
        EmptyPasses { emptiness: 99, memcg: APP, ..run(&stream, Emptiness::Nothing, 1, stream.pass) };
    stream.add(passes);
    assert!(stream.told().closed.len() <= 1);
}

/// A kill whose victim is slow to exit, and a run in its domain that goes on for longer than a second.
fn outlived(session: &oomtrace::context::Session) -> Vec<u64> {
    let victim = task(900);
    let mut stream = Stream::with(session);
    stream.memcg_oom(victim, PODS).kill(victim, victim, MESSAGE, MEMCG, LIMIT).leave(1, 1);
    let passes = first(&mut stream, Emptiness::NothingToKill);
    again(&mut stream, passes, 27, 1020 * MS);
    stream.exit(900).tick(10 * S);
    let told = stream.told();
    assert_eq!(told.closed.len(), 2);
    counts(&told.closed)
}

#[test]
fn a_run_that_outlives_a_kill_is_counted_once() {
    let mut session = session("fentry", &[]);
    assert_eq!(outlived(&session).iter().sum::<u64>(), 27);
    // As it was reported when the recording was made.
    session.codes = 2;
    assert_eq!(outlived(&session).iter().sum::<u64>(), 28);
}
