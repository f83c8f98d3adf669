//! Decisions on the tracepoint tier, which traces only the marks.

use oomtrace::{
    explain::{Code, Confidence, Outcome, Policy},
    incident::Role,
    kernel::tier::Tier,
    report::ClosedBy,
};
use oomtrace_common::{
    event::{MarkVictim, Memcg, Sigkill, Task},
    frame::Kind,
};
use zerocopy::FromZeros;

use crate::stream::{
    APP, GIB, LIMIT, MS, NO_LIMIT, OTHER, PODS, ROOT, S, Stream, level, session, sigkill_of, task, tree,
};

/// One mark with the signal before it and the levels of `/pods/app`.
fn marked(stream: &mut Stream, victim: Task, trigger: Task) -> &mut Stream {
    stream.sigkill(victim.pid, trigger.tid).tree().add(MarkVictim { victim, trigger })
}

#[test]
fn combines_several_lookups_of_a_process() {
    let hog = task(812);
    let looks = [("exe", serde_json::json!("/usr/bin/it")), ("cmdline", serde_json::json!(["it", "--now"]))];
    let mut stream = Stream::new("tracepoint");
    marked(stream.sysctl(0), hog, hog);
    for (key, value) in looks {
        let start = hog.start_boot_ns;
        let mut look =
            serde_json::json!({ "pid": 812, "tid": 812, "start_boot_ns": start, "looked_up_ns": 1 });
        look[key] = value;
        stream.context(Kind::Process, &look);
    }
    stream.exit(812);
    let told = stream.told();
    let victim = &told.only().victims[0].process;
    assert_eq!(victim.cmdline.as_ref().map(Vec::len), Some(2));
    assert_eq!(victim.exe.as_ref().unwrap().as_bytes(), b"/usr/bin/it");
}

/// What a process sent about itself.
fn look(pid: i32) -> serde_json::Value {
    let start = task(pid).start_boot_ns;
    serde_json::json!({ "pid": pid, "tid": pid, "start_boot_ns": start, "cmdline": ["it"], "looked_up_ns": 1 })
}

/// A victim on another CPU can send its arguments before the kernel marks it, and its exit may be missing.
#[test]
fn keeps_facts_from_before_the_mark_while_an_exit_is_awaited() {
    let mut stream = Stream::new("tracepoint");
    stream.sysctl(0).sigkill(812, 813).context(Kind::Process, &look(812));
    stream.tree().add(MarkVictim { victim: task(812), trigger: task(813) });
    for pid in 2000..2200 {
        stream.context(Kind::Process, &look(pid));
    }
    assert!(stream.told().only().victims[0].process.cmdline.is_some());
}

/// A finished incident waits for signals from user space before it is reported.
#[test]
fn keeps_facts_of_every_victim_in_a_storm() {
    let mut stream = Stream::new("tracepoint");
    stream.sysctl(0);
    for pid in 2000..2200 {
        stream.sigkill(pid, 813).context(Kind::Process, &look(pid)).tree();
        stream.add(MarkVictim { victim: task(pid), trigger: task(813) }).machine(GIB / 2).exit(pid);
    }
    let told = stream.told();
    let victims: Vec<_> = told.closed.iter().flat_map(|report| &report.victims).collect();
    assert_eq!(victims.len(), 200);
    assert!(victims.iter().all(|victim| victim.process.cmdline.is_some()));
}

#[test]
fn the_level_at_its_limit_names_the_domain() {
    let hog = task(812);
    let mut stream = Stream::new("tracepoint");
    marked(stream.sysctl(0), hog, hog).machine(GIB / 2).looked_up(812).exit(812);
    let told = stream.told();
    let report = told.only();
    assert_eq!((told.decided.len(), report.tier), (1, Some(Tier::Tracepoint)));
    assert_eq!((report.cause.code, report.cause.confidence), (Code::MemcgLimit, Confidence::Inferred));
    assert_eq!(report.domain.cgroup.as_ref().unwrap().as_bytes(), b"/pods");
    let hit: Vec<_> = report.domain.chain.iter().map(|level| level.hit).collect();
    assert_eq!(hit, [false, true, false]);
    assert_eq!(
        (report.selection.policy, report.selection.outcome),
        (Some(Policy::Badness), Some(Outcome::Killed))
    );
    assert_eq!((report.status.closed_by, report.status.complete), (Some(ClosedBy::Kernel), true));
    assert_eq!(
        (report.allocation.order, report.candidates_total),
        (None, None),
        "this tier does not trace them"
    );
    assert_eq!(report.victims[0].process.cmdline.as_ref().unwrap().len(), 2);
}

#[test]
fn reports_the_decision_before_the_victim_exits() {
    let hog = task(812);
    let mut stream = Stream::new("tracepoint");
    marked(&mut stream, hog, hog);
    assert_eq!(stream.told().decided.len(), 0, "the victim is still being looked up");
    assert_eq!(
        stream.clone().looked_up(812).told().decided.len(),
        0,
        "the cause depends on the machine's memory"
    );
    assert_eq!(stream.clone().machine(GIB).looked_up(812).told().decided.len(), 1);
    assert_eq!(stream.tick(2 * MS).told().decided.len(), 1, "the lookup failed");
}

#[test]
fn waits_for_lookups_after_the_victims_exit() {
    let (hog, asking) = (task(812), task(900));
    let mut stream = Stream::new("tracepoint");
    marked(&mut stream, hog, asking).looked_up(812).later(S).exit(812);
    let early = stream.steps().len();
    stream.sysctl(1).looked_up(900);
    let told = stream.told();
    let report = told.only();
    assert_eq!(report.sysctl.oom_kill_allocating_task, Some(1));
    assert!(report.trigger.as_ref().is_some_and(|trigger| trigger.cmdline.is_some()));
    assert_eq!(stream.steps().len(), early, "the incident is reported once");
    // A lookup that never arrives is not awaited forever.
    let mut stream = Stream::new("tracepoint");
    marked(&mut stream, hog, hog).exit(812).tick(S);
    assert_eq!(stream.told().only().status.closed_by, Some(ClosedBy::Kernel));
}

#[test]
fn picks_the_innermost_level_with_the_least_room() {
    let cases = [
        ((LIMIT, LIMIT), (LIMIT, LIMIT), &b"/pods/app"[..]),
        ((LIMIT - 30, LIMIT), (LIMIT - 2, LIMIT), b"/pods"),
    ];
    for ((app, app_max), (pods, pods_max), expected) in cases {
        let hog = task(812);
        let mut stream = Stream::new("tracepoint");
        stream
            .sigkill(812, 812)
            .add(level(APP, PODS, b"app", app, app_max))
            .add(level(PODS, ROOT, b"pods", pods, pods_max));
        stream.add(level(ROOT, 0, b"", 0, NO_LIMIT)).add(MarkVictim { victim: hog, trigger: hog }).exit(812);
        assert_eq!(stream.told().only().domain.cgroup.as_ref().unwrap().as_bytes(), expected);
    }
}

#[test]
fn reads_the_memsw_limit_of_cgroup_v1() {
    let hog = task(812);
    let mut stream = Stream::new("tracepoint");
    let v1 = |mut memcg: Memcg| {
        memcg.hierarchy = 4;
        memcg.oom_group = 1;
        memcg
    };
    let mut pods = v1(level(PODS, ROOT, b"pods", LIMIT - 5000, LIMIT));
    (pods.swap_usage_pages, pods.swap_max_pages) = (2 * LIMIT - 3, 2 * LIMIT);
    stream.sigkill(812, 812).add(v1(level(APP, PODS, b"app", 9, NO_LIMIT))).add(pods);
    stream
        .add(v1(level(ROOT, 0, b"", 0, NO_LIMIT)))
        .add(MarkVictim { victim: hog, trigger: hog })
        .machine(GIB)
        .looked_up(812);
    let told = stream.told();
    assert_eq!(told.decided.len(), 1, "oom.group means nothing on v1: no group is awaited");
    assert_eq!(told.only().cause.code, Code::MemcgLimit);
    assert_eq!(told.only().domain.cgroup.as_ref().unwrap().as_bytes(), b"/pods");
}

#[test]
fn a_limit_below_the_victims_usage_was_lowered() {
    let mut writer = task(700);
    writer.memcg = OTHER;
    let mut stream = Stream::new("tracepoint");
    stream
        .sigkill(900, 700)
        .add(level(OTHER, ROOT, b"other", 5, NO_LIMIT))
        .add(level(ROOT, 0, b"", 0, NO_LIMIT));
    let [app, mut pods, root] = tree();
    pods.usage_pages = LIMIT + 4000;
    stream.add(app).add(pods).add(root).add(MarkVictim { victim: task(900), trigger: writer }).exit(900);
    let told = stream.told();
    assert_eq!(
        (told.only().cause.code, told.only().cause.confidence),
        (Code::MemcgLimitLowered, Confidence::Inferred)
    );
    assert_eq!(told.only().domain.cgroup.as_ref().unwrap().as_bytes(), b"/pods");
}

#[test]
fn members_of_a_group_are_one_decision() {
    let trigger = task(812);
    let mut stream = Stream::new("tracepoint");
    for pid in [812, 900, 901] {
        let [app, mut pods, root] = tree();
        pods.oom_group = 1;
        stream
            .sigkill(pid, 812)
            .add(app)
            .add(pods)
            .add(root)
            .add(MarkVictim { victim: task(pid), trigger })
            .looked_up(pid);
    }
    assert_eq!(stream.told().decided.len(), 0, "more marks may follow");
    stream.exit(812).exit(900).exit(901).tick(200 * MS);
    let told = stream.told();
    assert_eq!(stream.clone().told().closed.len(), 1);
    assert_eq!(stream.told().only().status.closed_by, Some(ClosedBy::Kernel));
    let roles: Vec<_> = told.only().victims.iter().map(|victim| (victim.process.pid, victim.role)).collect();
    assert_eq!(roles, [(Some(812), Role::Chosen), (Some(900), Role::Group), (Some(901), Role::Group)]);
    let selection = &told.only().selection;
    assert_eq!((selection.policy, selection.outcome), (Some(Policy::OomGroup), Some(Outcome::GroupKilled)));
}

#[test]
fn reports_two_kills_by_one_writer_as_two_decisions() {
    let mut writer = task(700);
    writer.memcg = ROOT;
    let mut stream = Stream::new("tracepoint");
    for pid in [900, 901] {
        marked(&mut stream, task(pid), writer).later(5 * MS);
    }
    stream.exit(900).exit(901);
    let told = stream.told();
    assert_eq!(told.closed.len(), 2);
    assert!(told.closed.iter().all(|report| report.victims.len() == 1), "{:#?}", told.closed);
}

#[test]
fn counts_the_threads_of_a_victim_without_listing_them() {
    let hog = task(812);
    let mut stream = Stream::new("tracepoint");
    marked(&mut stream, hog, hog);
    for tid in 813..824 {
        let thread = Task { tid, ..hog };
        stream.tree().add(MarkVictim { victim: thread, trigger: thread });
    }
    stream.exit(812).tree().add(MarkVictim { victim: Task { tid: 830, ..hog }, trigger: hog });
    let told = stream.told();
    assert_eq!((told.only().marks, told.only().victims.len()), (13, 1));
}

#[test]
fn a_mark_without_a_signal_is_no_kill() {
    let hog = task(812);
    let mut stream = Stream::new("tracepoint");
    stream.tree().add(MarkVictim { victim: hog, trigger: hog }).exit(812);
    let told = stream.told();
    let selection = &told.only().selection;
    assert_eq!(
        (selection.policy, selection.outcome),
        (Some(Policy::AlreadyExiting), Some(Outcome::MarkedOnly))
    );
    let mut stream = Stream::with(&session("tracepoint", &["signal_generate"]));
    stream.tree().add(MarkVictim { victim: hog, trigger: hog }).exit(812);
    assert_eq!(stream.told().only().selection.outcome, None, "signals are not traced at all");
}

#[test]
fn resolves_a_bare_thread_number() {
    // The trigger itself, another process that is known from its signal, and a process that no other frame mentions.
    let number = |tid: i32| Task { tid, ..Task::new_zeroed() };
    let trigger = Task { tid: 813, ..task(812) };
    let mut stream = Stream::new("tracepoint");
    stream.tree().add(MarkVictim { victim: number(813), trigger }).exit(812);
    let told = stream.told();
    assert_eq!(
        (told.only().victims[0].process.pid, told.only().victims[0].process.tid),
        (Some(812), Some(813))
    );
    assert!(told.only().victims[0].memory.is_some());

    let mut stream = Stream::new("tracepoint");
    stream.add(Sigkill { tid: 905, sender_tid: 813, ..sigkill_of(900) });
    stream.tree().add(MarkVictim { victim: number(905), trigger }).exit(900);
    let told = stream.told();
    assert_eq!(
        (told.only().victims[0].process.pid, told.only().victims[0].process.tid),
        (Some(900), Some(905))
    );
    assert_eq!(told.only().status.closed_by, Some(ClosedBy::Kernel));
    assert_eq!(told.only().selection.outcome, Some(Outcome::Killed));

    let mut stream = Stream::new("tracepoint");
    for _ in 0..2 {
        stream.tree().add(MarkVictim { victim: number(905), trigger }).tick(20 * S);
    }
    assert_eq!(stream.told().closed.len(), 2, "another thread got the same number meanwhile");
}

#[test]
fn derives_the_global_policy_from_the_sysctl_and_the_victim() {
    let cases = [
        (812, Some(1), Some(Policy::AllocatingTask)),
        (900, Some(1), Some(Policy::Badness)),
        (812, Some(0), Some(Policy::Badness)),
        (812, None, None),
    ];
    for (victim, sysctl, policy) in cases {
        let mut stream = Stream::new("tracepoint");
        if let Some(value) = sysctl {
            stream.sysctl(value);
        }
        stream
            .sigkill(victim, 812)
            .add(level(APP, ROOT, b"app", 1000, LIMIT))
            .add(level(ROOT, 0, b"", 0, NO_LIMIT));
        stream.add(MarkVictim { victim: task(victim), trigger: task(812) }).exit(victim);
        assert_eq!(stream.told().only().selection.policy, policy, "{victim} {sysctl:?}");
    }
}

#[test]
fn processes_killed_by_an_init_do_not_share_its_memory() {
    for (ns_pid, victims) in [(1, 1), (7, 2)] {
        let init = Task { ns_pid, ..task(812) };
        let mut stream = Stream::new("tracepoint");
        marked(&mut stream, init, init).sigkill(950, 812).exit(812);
        assert_eq!(stream.told().only().victims.len(), victims, "ns_pid {ns_pid}");
    }
}

#[test]
fn signals_alone_are_no_incident() {
    let mut stream = Stream::new("tracepoint");
    stream.sigkill(950, 812).tick(10 * S);
    assert!(stream.told().closed.is_empty());
}

#[test]
fn a_sharer_may_get_its_signal_after_the_victims_exit() {
    let (hog, twin) = (task(812), task(813));
    let mut stream = Stream::new("tracepoint");
    stream.sigkill(813, 812).tree().add(MarkVictim { victim: twin, trigger: hog });
    stream.exit(813).later(40 * MS).sigkill(812, 812).exit(812).tick(S);
    let told = stream.told();
    let roles: Vec<_> = told.only().victims.iter().map(|victim| (victim.process.pid, victim.role)).collect();
    assert_eq!(roles, [(Some(813), Role::Chosen), (Some(812), Role::SharedMm)]);
    assert_eq!(told.only().status.closed_by, Some(ClosedBy::Kernel));
}
