//! Decisions traced from inside `out_of_memory`: the fentry and kprobe tiers.

use oomtrace::{
    explain::{Code, Confidence, Outcome, Policy},
    incident::Role,
    kernel::tier::Tier,
    report::ClosedBy,
};
use oomtrace_common::event::{Exit, KillProcess, MarkVictim, OomGroup, OomKillProcess, OutOfMemory, Reap};

use crate::stream::{
    APP, CPUSET, LIMIT, MEMCG, MEMORY_POLICY, MS, NONE, PODS, ROOT, S, Stream, base, choice, kthread, level,
    memcg_request, request, start, task, tree,
};

const MEMCG_MESSAGE: &str = "Memory cgroup out of memory";
const MESSAGE: &str = "Out of memory";
const ALLOCATING: &str = "Out of memory (oom_kill_allocating_task)";

#[test]
fn a_parents_limit_kills_the_largest_process() {
    for tier in ["fentry", "kprobe"] {
        let (trigger, mut victim) = (task(812), task(900));
        victim.oom_score_adj = 3;
        let mut stream = Stream::new(tier);
        stream.memcg_oom(trigger, PODS).sysctl(0).looked_up(812).looked_up(900);
        stream.kill(victim, trigger, MEMCG_MESSAGE, MEMCG, LIMIT).leave(1, 1).later(3 * MS).exit(900);
        let told = stream.told();
        let report = told.only();
        assert_eq!(told.decided.len(), 1);
        assert_eq!(told.decided[0].status.closed_by, None);
        assert_eq!(told.decided[0].victims[0].process.cmdline.as_ref().unwrap().len(), 2);
        assert_eq!(report.tier.map(Tier::name), Some(tier));
        assert_eq!((report.cause.code, report.cause.confidence), (Code::MemcgLimit, Confidence::Observed));
        assert_eq!(
            (report.selection.policy, report.selection.outcome),
            (Some(Policy::Badness), Some(Outcome::Killed))
        );
        assert_eq!((report.status.closed_by, report.status.complete), (Some(ClosedBy::Kernel), true));
        assert_eq!(report.domain.kind, Some("memcg"));
        assert_eq!(report.domain.cgroup.as_ref().unwrap().as_bytes(), b"/pods");
        assert_eq!((report.domain.limit_bytes, report.domain.total_pages), (Some(64 << 20), Some(LIMIT)));
        let chain: Vec<_> = report.domain.chain.iter().map(|level| (level.max_bytes, level.hit)).collect();
        assert_eq!(chain, [(None, false), (Some(64 << 20), true), (None, false)]);
        assert_eq!(report.trigger.as_ref().unwrap().pid, Some(812));
        let [victim] = report.victims.as_slice() else { panic!("{:?}", report.victims) };
        assert_eq!((victim.process.pid, victim.role), (Some(900), Role::Chosen));
        let score = victim.score.unwrap();
        assert_eq!((score.points, score.base_pages, score.adj_pages), (Some(15_448), Some(15_400), Some(48)));
        assert_eq!(victim.memory.unwrap().anon_rss_bytes, 15_000 * 4096);
        assert!(victim.aftermath.sigkill_ns.is_some_and(|ns| ns < MS));
        assert!(victim.aftermath.exit_ns.is_some_and(|ns| ns > 3 * MS));
        assert_eq!(report.allocation.gfp_mask.as_deref(), Some("0xcc0"));
        assert_eq!(report.allocation.constraint, Some("memcg"));
        assert_eq!(report.candidates_total, Some(4));
    }
}

#[test]
fn an_allocating_thread_gets_its_leader_killed() {
    let leader = task(150);
    let mut thread = task(150);
    thread.tid = 151;
    thread.comm[..4].copy_from_slice(b"work");
    let mut stream = Stream::new("fentry");
    stream.global_oom(thread).sysctl(1);
    stream.add(OomKillProcess { evaluated: 0, ..choice(thread, ALLOCATING, NONE, 500_000) });
    stream.execute(leader, thread).leave(1, 1).exit(150);
    let told = stream.told();
    let report = told.only();
    assert_eq!((report.cause.code, report.selection.policy), (Code::Global, Some(Policy::AllocatingTask)));
    assert_eq!(report.trigger.as_ref().unwrap().tid, Some(151));
    assert_eq!(report.victims.len(), 1);
    assert_eq!((report.victims[0].process.pid, report.victims[0].process.tid), (Some(150), Some(150)));
    assert_eq!(report.victims[0].score.unwrap().points, None, "no process was evaluated");
}

#[test]
fn reports_that_a_cgroups_limit_ignores_the_sysctl() {
    for tier in ["fentry", "tracepoint"] {
        let hog = task(812);
        let mut stream = Stream::new(tier);
        stream.sysctl(1);
        if tier == "fentry" {
            stream.memcg_oom(hog, PODS).kill(hog, hog, MEMCG_MESSAGE, MEMCG, LIMIT).leave(1, 1);
        } else {
            stream.sigkill(812, 812).tree().add(MarkVictim { victim: hog, trigger: hog });
        }
        stream.exit(812);
        let told = stream.told();
        let report = told.only();
        assert_eq!(
            (report.cause.code, report.selection.policy),
            (Code::MemcgLimit, Some(Policy::Badness)),
            "{tier}"
        );
        assert!(report.cause.summary.contains("oom_kill_allocating_task"), "{}", report.cause.summary);
        assert!(report.cause.summary.contains("had no effect"), "{}", report.cause.summary);
    }
}

#[test]
fn reports_causes_without_a_cgroup() {
    let cases = [(NONE, Code::Global, "none"), (CPUSET, Code::Cpuset, "cpuset")];
    for (constraint, code, name) in
        cases.into_iter().chain([(MEMORY_POLICY, Code::Mempolicy, "memory_policy")])
    {
        let hog = task(812);
        let mut stream = Stream::new("kprobe");
        stream.global_oom(hog).kill(hog, hog, MESSAGE, constraint, 500_000).leave(1, 1).exit(812);
        let told = stream.told();
        assert_eq!((told.only().cause.code, told.only().cause.confidence), (code, Confidence::Observed));
        assert_eq!(told.only().allocation.constraint, Some(name));
        assert_eq!(told.only().domain.cgroup, None);
    }
    let unknown = {
        let hog = task(812);
        let mut stream = Stream::new("fentry");
        stream.global_oom(hog).kill(hog, hog, MESSAGE, 77, 500_000).leave(1, 1).exit(812);
        stream.told()
    };
    assert_eq!(unknown.only().allocation.constraint, None);
}

#[test]
fn kernel_threads_trigger_sysrq_and_mglru_kills() {
    let worker = kthread(44, b"kworker/1:2", 0);
    let mut stream = Stream::new("fentry");
    stream.enter().add(OutOfMemory { order: -1, flags: OutOfMemory::ZONELIST, ..request(worker) }).tree();
    stream.kill(task(900), worker, MESSAGE, NONE, 500_000).leave(1, 1).exit(900);
    let told = stream.told();
    assert_eq!((told.only().cause.code, told.only().allocation.order), (Code::Sysrq, Some(-1)));
    let kswapd = kthread(55, b"kswapd0", 0x0002_0000);
    let mut stream = Stream::new("fentry");
    stream.enter().add(request(kswapd)).tree();
    stream.kill(task(900), kswapd, MESSAGE, NONE, 500_000).leave(1, 1).exit(900);
    assert_eq!(stream.told().only().cause.code, Code::Mglru);
}

#[test]
fn distinguishes_a_lowered_limit_from_a_charge_by_the_writer() {
    for (usage, code) in [(LIMIT + 900, Code::MemcgLimitLowered), (LIMIT, Code::MemcgLimit)] {
        let mut writer = task(700);
        writer.memcg = ROOT;
        let flags = OutOfMemory::MEMCG | OutOfMemory::MEMORY_MAX_WRITE;
        let mut stream = Stream::new("fentry");
        stream.enter().add(OutOfMemory { flags, ..memcg_request(writer, PODS) });
        let [app, mut pods, root] = tree();
        pods.usage_pages = usage;
        stream.add(app).add(pods).add(root);
        stream.kill(task(900), writer, MEMCG_MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(900);
        let told = stream.told();
        assert_eq!(told.only().cause.code, code);
        assert_eq!(told.only().domain.chain.len(), 3, "the victim's own cgroup is the leaf");
        assert_eq!(told.only().trigger.as_ref().unwrap().pid, Some(700));
    }
}

#[test]
fn a_dying_trigger_is_only_marked() {
    let dying = task(812);
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(dying, PODS).add(MarkVictim { victim: dying, trigger: dying }).leave(0, 1).exit(812);
    let told = stream.told();
    let selection = &told.only().selection;
    assert_eq!(
        (selection.policy, selection.outcome),
        (Some(Policy::AlreadyExiting), Some(Outcome::MarkedOnly))
    );
    assert_eq!(told.only().victims[0].aftermath.sigkill_ns, None);
}

#[test]
fn counts_the_threads_of_a_victim() {
    for closed_first in [false, true] {
        let hog = task(812);
        let mut stream = Stream::new("fentry");
        stream.memcg_oom(hog, PODS).kill(hog, hog, MEMCG_MESSAGE, MEMCG, LIMIT).leave(1, 1);
        if closed_first {
            stream.exit(812);
        }
        for tid in 813..824 {
            let mut thread = task(812);
            thread.tid = tid;
            stream.memcg_oom(thread, PODS).add(MarkVictim { victim: thread, trigger: thread }).leave(0, 1);
        }
        stream.exit(812);
        let told = stream.told();
        assert_eq!((told.closed.len(), told.decided.len(), told.closed[0].victims.len()), (1, 1, 1));
        assert_eq!(told.closed[0].marks, if closed_first { 1 } else { 12 });
        assert!(told.closed[0].status.complete);
    }
}

#[test]
fn the_chosen_process_was_already_dying() {
    let (trigger, chosen) = (task(812), task(900));
    let mut stream = Stream::new("kprobe");
    stream.memcg_oom(trigger, PODS).choose(chosen, MEMCG_MESSAGE, MEMCG, LIMIT);
    stream.add(MarkVictim { victim: chosen, trigger }).leave(0, 1).exit(900);
    let told = stream.told();
    let selection = &told.only().selection;
    assert_eq!(
        (selection.policy, selection.outcome),
        (Some(Policy::AlreadyExiting), Some(Outcome::MarkedOnly))
    );
    assert_eq!(told.only().victims[0].role, Role::Chosen);
}

#[test]
fn the_chosen_process_had_no_memory_left() {
    let (trigger, mut chosen) = (task(812), task(900));
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(trigger, PODS).choose(chosen, MEMCG_MESSAGE, MEMCG, LIMIT);
    chosen.present &= !oomtrace_common::event::Task::MEMORY;
    stream.add(KillProcess { victim: chosen }).leave(1, 0);
    let told = stream.told();
    let selection = &told.only().selection;
    assert_eq!((selection.policy, selection.outcome), (Some(Policy::AlreadyExiting), Some(Outcome::NoKill)));
    assert_eq!(told.only().status.closed_by, Some(ClosedBy::Kernel));
    assert!(
        told.only().cause.summary.contains("had no memory left to free"),
        "{}",
        told.only().cause.summary
    );
}

#[test]
fn kills_the_worker_of_a_dead_leader() {
    let trigger = task(812);
    let mut leader = task(144);
    leader.present &= !oomtrace_common::event::Task::MEMORY;
    let mut worker = task(144);
    worker.tid = 145;
    worker.comm[..6].copy_from_slice(b"worker");
    let mut stream = Stream::new("fentry");
    stream
        .memcg_oom(trigger, PODS)
        .add(OomKillProcess { points: base(&worker), ..choice(leader, MEMCG_MESSAGE, MEMCG, LIMIT) });
    stream.add(KillProcess { victim: leader });
    stream.add(oomtrace_common::event::Sigkill {
        tid: 145,
        sender_tid: 812,
        in_pass: 1,
        ..crate::stream::sigkill_of(144)
    });
    stream.add(MarkVictim { victim: worker, trigger }).leave(1, 1).exit(144);
    let told = stream.told();
    let [victim] = told.only().victims.as_slice() else { panic!("{:?}", told.only().victims) };
    assert_eq!((victim.process.pid, victim.process.tid), (Some(144), Some(145)));
    assert_eq!(victim.process.comm.as_ref().unwrap().as_bytes(), b"worker");
    assert_eq!(victim.process.leader_comm.as_ref().unwrap().as_bytes(), b"hog");
    assert_eq!(victim.memory.unwrap().anon_rss_bytes, 15_000 * 4096, "from the mark");
    assert!(victim.aftermath.sigkill_ns.is_some());
}

#[test]
fn a_group_kill_signals_its_first_member_twice() {
    let (trigger, first, second) = (task(812), task(812), task(900));
    let mut stream = Stream::new("fentry");
    stream
        .memcg_oom(trigger, PODS)
        .choose(first, MEMCG_MESSAGE, MEMCG, LIMIT)
        .add(OomGroup { memcg: PODS, reserved: 0 });
    stream
        .execute(first, trigger)
        .execute(second, trigger)
        .add(KillProcess { victim: first })
        .sigkill(812, 812);
    stream.leave(3, 2).exit(900);
    assert_eq!(
        stream.told().only().status.closed_by,
        Some(ClosedBy::EndOfStream),
        "one victim has not exited"
    );
    stream.exit(812);
    let told = stream.told();
    let report = told.only();
    assert_eq!(
        (report.selection.policy, report.selection.outcome),
        (Some(Policy::OomGroup), Some(Outcome::GroupKilled))
    );
    let roles: Vec<_> = report.victims.iter().map(|victim| (victim.process.pid, victim.role)).collect();
    assert_eq!(roles, [(Some(812), Role::Chosen), (Some(900), Role::Group)]);
    assert!(report.status.complete, "{:?}", report.cause.evidence);
    let scope = "mem_cgroup_get_oom_group returned /pods";
    assert!(report.cause.evidence.iter().any(|line| line == scope), "{:?}", report.cause.evidence);
    assert_eq!(report.victims[1].score, None);
}

#[test]
fn a_group_of_one_is_a_group() {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    stream
        .memcg_oom(hog, PODS)
        .choose(hog, MEMCG_MESSAGE, MEMCG, LIMIT)
        .add(OomGroup { memcg: APP, reserved: 0 });
    stream.execute(hog, hog).add(KillProcess { victim: hog }).sigkill(812, 812).leave(2, 1).exit(812);
    let told = stream.told();
    assert_eq!(told.only().victims.len(), 1);
    assert_eq!(told.only().selection.outcome, Some(Outcome::GroupKilled));
}

#[test]
fn processes_that_share_the_memory_die_with_the_victim() {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    stream
        .memcg_oom(hog, PODS)
        .kill(hog, hog, MEMCG_MESSAGE, MEMCG, LIMIT)
        .sigkill(901, 812)
        .leave(1, 1)
        .exit(812);
    let told = stream.told();
    let report = told.only();
    let roles: Vec<_> = report.victims.iter().map(|victim| (victim.process.pid, victim.role)).collect();
    assert_eq!(roles, [(Some(812), Role::Chosen), (Some(901), Role::SharedMm)]);
    assert_eq!(
        (report.selection.outcome, report.status.closed_by),
        (Some(Outcome::Killed), Some(ClosedBy::Kernel))
    );
    assert_eq!(report.victims[1].process.cgroup.as_ref().unwrap().as_bytes(), b"/pods/app");
}

#[test]
fn a_sharer_in_the_group_is_a_member_of_the_group() {
    let (first, second) = (task(812), task(900));
    let mut stream = Stream::new("fentry");
    stream
        .memcg_oom(first, PODS)
        .choose(first, MEMCG_MESSAGE, MEMCG, LIMIT)
        .add(OomGroup { memcg: PODS, reserved: 0 });
    stream.execute(first, first).sigkill(900, 812).execute(second, first).leave(2, 2).exit(812).exit(900);
    let told = stream.told();
    assert_eq!(told.only().victims[1].role, Role::Group);
    assert_eq!(told.only().status.closed_by, Some(ClosedBy::Kernel));
}

#[test]
fn signals_outside_a_pass_make_no_victims() {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(hog, PODS).kill(hog, hog, MEMCG_MESSAGE, MEMCG, LIMIT).leave(1, 1);
    stream.sigkill(950, 812).sigkill(951, 812).exit(812);
    assert_eq!(stream.told().only().victims.len(), 1);
}

#[test]
fn an_oom_task_origin_has_a_rank_and_no_sum() {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    stream
        .memcg_oom(hog, PODS)
        .add(OomKillProcess { points: i64::MAX, ..choice(hog, MEMCG_MESSAGE, MEMCG, LIMIT) });
    stream.execute(hog, hog).leave(1, 1).exit(812);
    assert_eq!(stream.told().only().victims[0].score.unwrap().points, None);
}

#[test]
fn tiny_domains_give_oom_score_adj_no_weight_and_scores_may_be_negative() {
    for (adj, total, points) in [(500, 768, 15_400), (-900, LIMIT, 15_400 - 900 * 16)] {
        let mut hog = task(812);
        hog.oom_score_adj = adj;
        let mut stream = Stream::new("fentry");
        stream.memcg_oom(hog, PODS).kill(hog, hog, MEMCG_MESSAGE, MEMCG, total).leave(1, 1).exit(812);
        let score = stream.told().only().victims[0].score.unwrap();
        assert_eq!((score.points, score.base_pages), (Some(points), Some(15_400)));
    }
}

#[test]
fn reports_the_reading_that_gives_the_kernels_points() {
    for exact_counts in [false, true] {
        let mut hog = task(812);
        hog.present |= oomtrace_common::event::Task::EXACT;
        hog.anon_rss_exact = hog.anon_rss_pages + 62;
        hog.file_rss_exact = hog.file_rss_pages;
        hog.shmem_rss_exact = hog.shmem_rss_pages;
        hog.swap_exact = hog.swap_pages;
        let points = base(&hog) + if exact_counts { 62 } else { 0 };
        let mut stream = Stream::new("fentry");
        stream
            .memcg_oom(hog, PODS)
            .add(OomKillProcess { points, ..choice(hog, MEMCG_MESSAGE, MEMCG, LIMIT) });
        stream.execute(hog, hog).leave(1, 1).exit(812);
        let told = stream.told();
        let victim = &told.only().victims[0];
        assert_eq!(victim.score.unwrap().base_pages, Some(points));
        let pages = if exact_counts { 15_062 } else { 15_000 };
        assert_eq!(victim.memory.unwrap().anon_rss_bytes, pages * 4096);
    }
}

#[test]
fn a_slow_console_does_not_split_a_pass() {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(hog, PODS).choose(hog, MEMCG_MESSAGE, MEMCG, LIMIT).tick(6 * S).tick(6 * S);
    stream.execute(hog, hog).leave(1, 1).exit(812);
    let told = stream.told();
    assert_eq!((told.closed.len(), told.decided.len()), (1, 1));
    assert!(told.closed[0].status.complete);
}

#[test]
fn the_victim_may_exit_before_the_pass_returns() {
    let (trigger, victim) = (task(812), task(900));
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(trigger, PODS).kill(victim, trigger, MEMCG_MESSAGE, MEMCG, LIMIT);
    let pass = stream.pass;
    stream.exit(900).pass = pass;
    stream.leave(1, 1);
    let told = stream.told();
    assert_eq!((told.decided.len(), told.only().status.closed_by), (1, Some(ClosedBy::Kernel)));
    assert!(told.only().victims[0].aftermath.exit_ns.is_some());
}

#[test]
fn a_stuck_victim_is_reaped_and_the_incident_times_out() {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(hog, PODS).kill(hog, hog, MEMCG_MESSAGE, MEMCG, LIMIT).leave(1, 1);
    stream
        .later(2 * S)
        .add(Reap { tid: 812, step: Reap::START })
        .later(MS)
        .add(Reap { tid: 812, step: Reap::FINISH });
    stream.tick(4 * S);
    assert_eq!(stream.told().only().status.closed_by, Some(ClosedBy::EndOfStream));
    stream.tick(2 * S);
    let told = stream.told();
    assert_eq!(told.only().status.closed_by, Some(ClosedBy::Timeout));
    let aftermath = told.only().victims[0].aftermath;
    assert!(aftermath.reap_start_ns.unwrap() < aftermath.reap_end_ns.unwrap());
    assert_eq!(aftermath.exit_ns, None);
}

#[test]
fn a_reused_pid_is_another_process() {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(hog, PODS).kill(hog, hog, MEMCG_MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(812);
    let mut again = task(812);
    again.start_boot_ns = 99 * S;
    stream.memcg_oom(again, PODS).kill(again, again, MEMCG_MESSAGE, MEMCG, LIMIT).leave(1, 1);
    stream.add(Exit { pid: 812, tid: 812, start_boot_ns: start(812), live: 0, reserved: 0 });
    let told = stream.told();
    assert_eq!(told.closed.len(), 2);
    assert_eq!(told.closed[1].status.closed_by, Some(ClosedBy::EndOfStream), "another process exited");
}

#[test]
fn reports_names_with_any_bytes() {
    let mut hog = task(812);
    hog.comm = *b"h\"o\\g\n\xff\x1b[31m'\0\0\0";
    let mut stream = Stream::new("fentry");
    stream.enter().add(memcg_request(hog, 30)).add(level(APP, 30, b"app", 1, 1)).add(level(
        30,
        ROOT,
        b"\x1b[2J\xff",
        9,
        9,
    ));
    stream.add(level(ROOT, 0, b"", 0, 1)).kill(hog, hog, MEMCG_MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(812);
    let told = stream.told();
    assert_eq!(told.only().victims[0].process.comm.as_ref().unwrap().as_bytes(), b"h\"o\\g\n\xff\x1b[31m'");
    assert_eq!(told.only().victims[0].process.cgroup.as_ref().unwrap().as_bytes(), b"/\x1b[2J\xff/app");
    assert!(!told.only().cause.summary.contains(['\x1b', '\n']), "{:?}", told.only().cause.summary);
}
