//! Conclusions of the tracepoint tier from the limits, the free memory and the trigger, and conclusions that it must not draw.

use oomtrace::{
    context::Session,
    explain::{Code, Confidence},
    incident::RequestSource,
    report::Report,
};
use oomtrace_common::{
    event::{MarkVictim, Memcg, SysrqOom, Task},
    frame::Kind,
};
use zerocopy::FromZeros as _;

use crate::stream::{APP, GIB, LIMIT, MS, NO_LIMIT, OTHER, ROOT, S, Stream, kthread, level, session, task};

/// Enough available memory on a machine of 1 GiB, even without the 60 MiB that the victim may have freed already.
const PLENTY: u64 = GIB / 2;
/// Little available memory: a tenth of the machine, plus the victim's memory.
const LITTLE: u64 = GIB / 10 + (59 << 20);

/// `/app` and `/other`, each with its used pages and its limit.
fn levels(app: (u64, u64), other: (u64, u64)) -> [Memcg; 3] {
    [
        level(APP, ROOT, b"app", app.0, app.1),
        level(OTHER, ROOT, b"other", other.0, other.1),
        level(ROOT, 0, b"", 0, NO_LIMIT),
    ]
}

const FULL: (u64, u64) = (LIMIT - 3, LIMIT);
const HALF: (u64, u64) = (LIMIT / 2, LIMIT);
const UNLIMITED: (u64, u64) = (LIMIT / 2, NO_LIMIT);

/// A process of `/other`.
fn outsider(pid: i32) -> Task {
    Task { memcg: OTHER, ..task(pid) }
}

fn sees_requests() -> Session {
    let mut known = session("tracepoint", &[]);
    let mut hook = known.hooks[0].clone();
    hook.name = "__handle_sysrq".to_owned();
    known.hooks.push(hook);
    known.memory_nodes = Some(1);
    known
}

/// Returns the report after this trigger marks a process of `/app`.
fn mark(stream: &mut Stream, trigger: Task, levels: [Memcg; 3], available: Option<u64>) -> Report {
    let victim = task(900);
    stream.sigkill(victim.pid, trigger.tid);
    for level in levels {
        stream.add(level);
    }
    stream.add(MarkVictim { victim, trigger });
    if let Some(available) = available {
        stream.machine(available);
    }
    let told = stream.tick(2 * MS).exit(900).tick(S).told();
    let report = told.only().clone();
    assert_eq!(report.cause.confidence, Confidence::Inferred);
    assert_eq!(told.decided.last().map(|report| report.cause.code), Some(report.cause.code));
    report
}

fn cause(trigger: Task, levels: [Memcg; 3], available: Option<u64>) -> Report {
    mark(&mut Stream::with(&sees_requests()), trigger, levels, available)
}

fn of(report: &Report) -> (Code, Option<&[u8]>) {
    (report.cause.code, report.domain.cgroup.as_ref().map(oomtrace::bytes::ByteString::as_bytes))
}

#[test]
fn an_outside_charge_for_the_victim_hits_the_victims_limit() {
    for trigger in [outsider(700), kthread(44, b"kworker/u8:1", 0), kthread(45, b"kworker/1:2", 0)] {
        let report = cause(trigger, levels(FULL, UNLIMITED), Some(PLENTY));
        assert_eq!(of(&report), (Code::MemcgLimit, Some(&b"/app"[..])));
        assert!(!report.cause.summary.contains("SysRq"), "{}", report.cause.summary);
    }
}

#[test]
fn a_full_cgroup_proves_nothing_if_the_machine_may_have_run_out() {
    for available in [None, Some(0), Some(LITTLE)] {
        assert_eq!(
            of(&cause(outsider(700), levels(FULL, UNLIMITED), available)).0,
            Code::Unknown,
            "{available:?}"
        );
    }
    let two_nodes = Session { memory_nodes: Some(2), ..sees_requests() };
    let report = mark(&mut Stream::with(&two_nodes), outsider(700), levels(FULL, UNLIMITED), Some(PLENTY));
    assert_eq!(of(&report).0, Code::Unknown, "a memory policy may allow only one of the nodes");
}

#[test]
fn ignores_a_full_cgroup_without_the_victim() {
    assert_eq!(of(&cause(outsider(700), levels(HALF, FULL), Some(0))).0, Code::Global);
    assert_eq!(of(&cause(outsider(700), levels(HALF, FULL), Some(PLENTY))).0, Code::Unknown);
    let inside = cause(task(700), levels(FULL, FULL), Some(0));
    assert_eq!(of(&inside), (Code::MemcgLimit, Some(&b"/app"[..])));
}

#[test]
fn a_lowered_limit_needs_an_outside_writer_and_more_than_a_charge() {
    let above = |pages: u64| (LIMIT + pages, LIMIT);
    let lowered = cause(outsider(700), levels(above(4000), UNLIMITED), Some(PLENTY));
    assert_eq!(of(&lowered), (Code::MemcgLimitLowered, Some(&b"/app"[..])));
    let by_little = cause(outsider(700), levels(above(3), UNLIMITED), Some(PLENTY));
    assert_eq!(
        of(&by_little).0,
        Code::Unknown,
        "a charge that must not fail also exceeds the limit this far"
    );
    let by_worker = cause(kthread(44, b"kworker/u8:1", 0), levels(above(4000), UNLIMITED), Some(PLENTY));
    assert_eq!(
        of(&by_worker),
        (Code::MemcgLimit, Some(&b"/app"[..])),
        "a kernel worker does not write limits"
    );
    let inside = cause(task(700), levels(above(4000), UNLIMITED), Some(PLENTY));
    assert_eq!(of(&inside).0, Code::MemcgLimit);
}

#[test]
fn the_machine_ran_out_only_if_little_memory_is_available() {
    for trigger in [task(812), kthread(66, b"jbd2/vda1-8", 0), kthread(44, b"kworker/0:1", 0)] {
        assert_eq!(of(&cause(trigger, levels(UNLIMITED, UNLIMITED), Some(LITTLE))).0, Code::Global);
        assert_eq!(of(&cause(trigger, levels(UNLIMITED, UNLIMITED), Some(PLENTY))).0, Code::Unknown);
        assert_eq!(of(&cause(trigger, levels(HALF, UNLIMITED), Some(PLENTY))).0, Code::Unknown);
    }
    // The kernel does not report the available memory.
    let mut stream = Stream::with(&sees_requests());
    stream.sigkill(900, 812).add(level(APP, ROOT, b"app", 9, NO_LIMIT)).add(level(ROOT, 0, b"", 0, NO_LIMIT));
    stream.add(MarkVictim { victim: task(900), trigger: task(812) });
    stream.context(Kind::Machine, &serde_json::json!({ "free_bytes": 5 << 20, "total_bytes": 100 << 20 }));
    assert_eq!(stream.exit(900).told().only().cause.code, Code::Global);
}

#[test]
fn memory_that_the_victim_may_have_returned_can_be_on_another_node() {
    let two_nodes = || Stream::with(&Session { memory_nodes: Some(2), ..sees_requests() });
    let with = |available| mark(&mut two_nodes(), task(812), levels(UNLIMITED, UNLIMITED), Some(available));
    assert_eq!(of(&with(LITTLE)).0, Code::Unknown, "a cpuset or a memory policy may allow only one of them");
    assert_eq!(of(&with(GIB / 20)).0, Code::Global);
}

#[test]
fn kswapd_triggers_kills_only_for_the_multi_gen_lru() {
    for available in [None, Some(0), Some(PLENTY)] {
        let report = cause(kthread(55, b"kswapd0", 0x0002_0000), levels(UNLIMITED, UNLIMITED), available);
        assert_eq!(of(&report).0, Code::Mglru);
    }
}

fn request(source: u32, requester: Option<Task>) -> SysrqOom {
    SysrqOom { requester: requester.unwrap_or_else(Task::new_zeroed), source, reserved: 0 }
}

#[test]
fn a_request_before_a_bound_worker_is_sysrq_and_names_its_sender() {
    let worker = kthread(44, b"kworker/0:1", 0);
    for (source, requester, seen) in [
        (SysrqOom::WRITTEN, Some(outsider(700)), RequestSource::Written),
        (SysrqOom::INPUT, None, RequestSource::Input),
        (SysrqOom::PRINTED, None, RequestSource::Printed),
    ] {
        let mut stream = Stream::with(&sees_requests());
        stream.add(request(source, requester));
        let report = mark(&mut stream, worker, levels(HALF, UNLIMITED), Some(PLENTY));
        assert_eq!(of(&report).0, Code::Sysrq);
        let by = report.requested_by.unwrap();
        assert_eq!((by.source, by.pid), (seen, requester.map(|task| task.pid)));
        let named = report.cause.summary.contains("hog (pid 700) requested an OOM kill with SysRq-f");
        assert_eq!(named, requester.is_some(), "{}", report.cause.summary);
    }
}

#[test]
fn a_request_explains_only_the_next_kill_by_a_worker() {
    let worker = kthread(44, b"kworker/0:1", 0);
    for trigger in [task(812), outsider(700), kthread(46, b"kworker/u8:1", 0)] {
        let mut stream = Stream::with(&sees_requests());
        stream.add(request(SysrqOom::WRITTEN, Some(outsider(701))));
        let report = mark(&mut stream, trigger, levels(FULL, UNLIMITED), Some(PLENTY));
        assert_eq!((of(&report).0, report.requested_by), (Code::MemcgLimit, None));
    }
    let mut late = Stream::with(&sees_requests());
    late.add(request(SysrqOom::PRINTED, None)).later(11 * S);
    assert_eq!(of(&mark(&mut late, worker, levels(HALF, UNLIMITED), Some(PLENTY))).0, Code::Unknown);
    let mut twice = Stream::with(&sees_requests());
    twice
        .add(request(SysrqOom::PRINTED, None))
        .sigkill(901, 44)
        .add(MarkVictim { victim: task(901), trigger: worker });
    twice.exit(901).later(300 * MS);
    twice.sigkill(900, 44).add(level(APP, ROOT, b"app", 9, NO_LIMIT)).add(level(ROOT, 0, b"", 0, NO_LIMIT));
    twice.add(MarkVictim { victim: task(900), trigger: worker }).machine(PLENTY).exit(900).tick(S);
    let codes: Vec<Code> = twice.told().closed.iter().map(|report| report.cause.code).collect();
    assert_eq!(codes, [Code::Sysrq, Code::Unknown], "one request, one kill");
}

#[test]
fn without_requests_sysrq_is_the_last_possible_cause() {
    let worker = kthread(44, b"kworker/0:1", 0);
    let old = || Stream::with(&session("tracepoint", &[]));
    assert_eq!(of(&mark(&mut old(), worker, levels(HALF, UNLIMITED), Some(PLENTY))).0, Code::Sysrq);
    assert_eq!(of(&mark(&mut old(), worker, levels(HALF, UNLIMITED), Some(LITTLE))).0, Code::Global);
    assert_eq!(of(&mark(&mut old(), worker, levels(HALF, UNLIMITED), None)).0, Code::Unknown);
    assert_eq!(of(&mark(&mut old(), worker, levels(FULL, UNLIMITED), Some(PLENTY))).0, Code::MemcgLimit);
    let unbound = kthread(46, b"kworker/u8:1", 0);
    assert_eq!(of(&mark(&mut old(), unbound, levels(HALF, UNLIMITED), Some(PLENTY))).0, Code::Unknown);
}
