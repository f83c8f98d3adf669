//! SIGKILL from user space: which signals are reported, and what the report says.

use oomtrace::{
    context::Session,
    explain::{Code, Confidence, Outcome},
    incident::Role,
    kernel::tier::Tier,
};
use oomtrace_common::{
    event::{MarkVictim, Memcg, Sigkill, Task},
    frame::Kind,
};
use serde_json::{Value, json};
use zerocopy::FromZeros as _;

use crate::stream::{
    APP, LIMIT, MEMCG, MS, NO_LIMIT, OTHER, PODS, ROOT, S, Stream, level, session, sigkill_of, task,
};

const MESSAGE: &str = "Memory cgroup out of memory";

/// A process of `/` with this name.
pub(crate) fn sender(pid: i32, comm: &[u8]) -> Task {
    let mut sender = Task { memcg: ROOT, ..task(pid) };
    (sender.comm, sender.leader_comm) = ([0; 16], [0; 16]);
    sender.comm[..comm.len()].copy_from_slice(comm);
    sender.leader_comm[..comm.len()].copy_from_slice(comm);
    sender
}

pub(crate) fn user_kill(target: Task, sender: Task) -> Sigkill {
    let origin = Sigkill::FROM_SIGINFO;
    let (sender_pid, sender_tid, memcg) = (sender.pid, sender.tid, target.memcg);
    Sigkill { sender_pid, sender_tid, memcg, origin, target, sender, ..sigkill_of(target.pid) }
}

/// `/pods/app` below `/pods`, with this usage of its limit.
fn levels(used_pages: u64) -> [Memcg; 3] {
    [
        level(APP, PODS, b"app", used_pages, NO_LIMIT),
        level(PODS, ROOT, b"pods", used_pages, LIMIT),
        level(ROOT, 0, b"", 0, NO_LIMIT),
    ]
}

/// A machine with enough memory.
pub(crate) fn calm() -> Value {
    json!({
        "memcg": APP, "total_bytes": 1000, "available_bytes": 900, "swap_total_bytes": 100, "swap_free_bytes": 100,
        "stall": { "some_avg10": 0.4 },
        "cgroups": [
            { "memcg": APP, "inactive_file_bytes": 0, "active_file_bytes": 0, "stall": { "some_avg10": 0.2 }, "high_events": 3, "max_events": 4 },
            { "memcg": PODS, "inactive_file_bytes": 0, "active_file_bytes": 0, "stall": { "some_avg10": 0.3 } },
        ],
    })
}

/// Adds one kill in `/pods/app`, with the facts that user space read at that time.
pub(crate) fn kill(stream: &mut Stream, kill: Sigkill, used_pages: u64, pressure: &Value) {
    for level in levels(used_pages) {
        stream.add(level);
    }
    stream.add(kill).context(Kind::Pressure, pressure);
}

fn reported(
    comm: &[u8],
    used_pages: u64,
    pressure: &Value,
) -> Option<(Confidence, Option<Vec<u8>>, Vec<String>)> {
    let mut stream = Stream::new("fentry");
    kill(&mut stream, user_kill(task(900), sender(700, comm)), used_pages, pressure);
    let told = stream.tick(S).told();
    assert_eq!(told.decided.len(), told.closed.len());
    let report = told.closed.first()?;
    assert_eq!(report.cause.code, Code::Userspace);
    let cgroup = report.domain.cgroup.as_ref().map(|path| path.as_bytes().to_vec());
    assert_eq!(report.domain.kind, Some(if cgroup.is_some() { "memcg" } else { "system" }));
    Some((report.cause.confidence, cgroup, report.cause.evidence.clone()))
}

/// From 95 % on, kills by any sender are reported; from 80 % on, kills by programs that exist to kill.
const FULL: u64 = LIMIT / 100 * 95;
const FILLED: u64 = LIMIT / 100 * 80;

#[test]
fn ignores_a_kill_without_a_shortage() {
    for comm in [&b"bash"[..], b"earlyoom", b"containerd-shim"] {
        assert_eq!(reported(comm, LIMIT / 2, &calm()), None);
    }
}

#[test]
fn reports_a_kill_in_a_cgroup_near_its_limit() {
    let (confidence, cgroup, evidence) = reported(b"bash", FULL, &calm()).unwrap();
    assert_eq!((confidence, cgroup.as_deref()), (Confidence::Inferred, Some(&b"/pods"[..])));
    assert_eq!(evidence[0], "bash sent SIGKILL by kill or pidfd_send_signal (si_code 0)");
    let used = FULL * 4096;
    assert_eq!(
        evidence[2],
        format!(
            "/pods used {used} of the 67108864 bytes of its memory.max, 0 of them page cache and slab that reclaim can free"
        )
    );
    assert_eq!(reported(b"bash", FILLED, &calm()), None);
    let (confidence, ..) = reported(b"earlyoom", FILLED, &calm()).unwrap();
    assert_eq!(confidence, Confidence::Observed, "the program has no other purpose");
}

#[test]
fn page_cache_at_the_limit_is_no_shortage() {
    let mut cached = calm();
    cached["cgroups"][1]["inactive_file_bytes"] = json!(LIMIT / 2 * 4096);
    assert_eq!(reported(b"containerd-shim", LIMIT, &cached), None);
    for key in ["active_file_bytes", "slab_reclaimable_bytes"] {
        let mut used = calm();
        used["cgroups"][1][key] = json!(LIMIT / 2 * 4096);
        assert_eq!(reported(b"containerd-shim", LIMIT, &used), None, "{key}");
    }
    cached["cgroups"][1]["inactive_file_bytes"] = Value::Null;
    assert_eq!(reported(b"containerd-shim", LIMIT, &cached), None, "the amount of cache is unknown");
}

#[test]
fn counts_memory_high_as_a_limit() {
    let [app, mut pods, root] = levels(FULL);
    (pods.max_pages, pods.high_pages) = (NO_LIMIT, LIMIT);
    let mut stream = Stream::new("kprobe");
    stream.add(app).add(pods).add(root).add(user_kill(task(900), sender(700, b"bash")));
    stream.context(Kind::Pressure, &calm()).tick(S);
    let told = stream.told();
    assert_eq!(told.only().domain.cgroup.as_ref().unwrap().as_bytes(), b"/pods");
}

#[test]
fn names_the_limit_that_was_reached() {
    let [app, mut pods, root] = levels(FULL * 3 / 8);
    pods.high_pages = LIMIT * 3 / 8;
    let mut stream = Stream::new("fentry");
    stream.add(app).add(pods).add(root).add(user_kill(task(900), sender(700, b"earlyoom")));
    stream.context(Kind::Pressure, &calm()).tick(S);
    let told = stream.told();
    let cause = &told.only().cause;
    assert!(cause.summary.contains("when /pods (memory.high 24.0 MiB) was short"), "{}", cause.summary);
    assert!(
        cause.evidence.iter().any(|line| line.contains("of the 25165824 bytes of its memory.high")),
        "{cause:?}"
    );
}

#[test]
fn the_machines_stall_counts_only_if_little_memory_is_available() {
    for (available, comm, reports) in [
        (900, &b"bash"[..], false),
        (251, b"bash", false),
        (250, b"bash", true),
        (900, b"systemd-oomd", true),
    ] {
        let mut pressure = calm();
        pressure["stall"]["some_avg10"] = json!(40.0);
        pressure["available_bytes"] = json!(available);
        assert_eq!(reported(comm, 100, &pressure).is_some(), reports, "{available}");
    }
    // If the available memory is unknown, the stall of other cgroups says nothing about the target.
    let stalled = json!({ "memcg": APP, "stall": { "some_avg10": 40.0 } });
    assert_eq!(reported(b"bash", 100, &stalled), None);
}

#[test]
fn reports_a_kill_while_tasks_wait_for_memory() {
    for (place, percent, comm, cgroup) in [
        ("/cgroups/0/stall", 12.5, &b"bash"[..], Some(&b"/pods/app"[..])),
        ("/cgroups/1/stall", 1.0, b"systemd-oomd", Some(b"/pods")),
        ("/stall", 1.5, b"systemd-oomd", None),
    ] {
        let mut pressure = calm();
        pressure.pointer_mut(place).unwrap()["some_avg10"] = json!(percent);
        let (_, domain, evidence) = reported(comm, 100, &pressure).unwrap();
        assert_eq!(domain.as_deref(), cgroup, "{place}");
        let figure = format!("waited for memory {percent:.2} % of the last ten seconds");
        assert!(evidence.iter().any(|line| line.contains(&figure)), "{evidence:?}");
    }
    let mut pressure = calm();
    pressure["cgroups"][0]["stall"]["some_avg10"] = json!(50);
    let (_, _, evidence) = reported(b"bash", 100, &pressure).unwrap();
    assert!(evidence[2].ends_with(", high events 3, max events 4"), "{evidence:?}");
}

#[test]
fn reports_a_kill_while_the_machine_runs_low() {
    for (available, swap_free, comm, is_told) in [
        (100, 100, &b"bash"[..], true),
        (101, 100, b"bash", false),
        (250, 100, b"nohang", true),
        (251, 100, b"nohang", false),
        (900, 10, b"systemd-oomd", true),
        (900, 11, b"systemd-oomd", false),
        (900, 0, b"bash", false),
    ] {
        let mut pressure = calm();
        pressure["available_bytes"] = json!(available);
        pressure["swap_free_bytes"] = json!(swap_free);
        assert_eq!(reported(comm, 100, &pressure).is_some(), is_told, "{available} {swap_free}");
    }
}

#[test]
fn judges_a_machine_without_psi_swap_and_limits() {
    let nothing = json!({ "memcg": APP, "total_bytes": 1000, "available_bytes": 20 });
    let (confidence, cgroup, evidence) = reported(b"bash", 100, &nothing).unwrap();
    assert_eq!((confidence, cgroup), (Confidence::Inferred, None));
    assert_eq!(evidence[2], "20 of 1000 bytes of the machine were available");
    assert_eq!(
        reported(b"earlyoom", 100, &json!({ "memcg": APP })),
        None,
        "oomtrace looked and found no shortage"
    );
}

#[test]
fn without_memory_figures_only_the_senders_purpose_counts() {
    for (comm, reports) in [(&b"earlyoom"[..], 1), (b"bash", 0)] {
        let mut stream = Stream::new("fentry");
        for level in levels(FULL) {
            stream.add(level);
        }
        let told = stream.add(user_kill(task(900), sender(700, comm))).tick(S).told();
        assert_eq!(told.closed.len(), reports);
        for report in &told.closed {
            assert_eq!((report.cause.confidence, report.domain.kind), (Confidence::Inferred, None));
        }
    }
}

#[test]
fn accepts_configured_killers() {
    // The kernel keeps 15 bytes of a name.
    for (killer, comm, reports) in [
        (&b"memguard"[..], &b"memguard"[..], 1),
        (b"cluster-memory-guard", b"cluster-memory-", 1),
        (b"cluster-memory-guard", b"cluster-memory", 0),
        (b"memguard", b"memguard2", 0),
    ] {
        let mut stream =
            Stream::with(&Session { killers: vec![killer.to_vec().into()], ..session("fentry", &[]) });
        kill(&mut stream, user_kill(task(900), sender(700, comm)), FILLED, &calm());
        assert_eq!(stream.tick(S).told().closed.len(), reports, "{comm:?}");
    }
}

#[test]
fn reports_the_sender_and_the_target() {
    for tier in ["fentry", "kprobe", "tracepoint"] {
        let mut stream = Stream::new(tier);
        let victim = Task { oom_score_adj: 300, ..task(900) };
        kill(&mut stream, user_kill(victim, sender(700, b"earlyoom")), FULL, &calm());
        let told = stream.looked_up(900).tick(S).told();
        let report = told.only();
        assert_eq!(report.tier.map(Tier::name), Some(tier), "every tier traces all of it");
        assert_eq!((report.selection.policy, report.selection.outcome), (None, Some(Outcome::Killed)));
        assert_eq!((report.allocation.order, report.marks), (None, 0));
        assert_eq!(report.trigger.as_ref().unwrap().comm.as_ref().unwrap().as_bytes(), b"earlyoom");
        assert_eq!(report.trigger.as_ref().unwrap().cgroup.as_ref().unwrap().as_bytes(), b"/");
        let [victim] = report.victims.as_slice() else { panic!("{:?}", report.victims) };
        assert_eq!((victim.process.pid, victim.process.oom_score_adj), (Some(900), Some(300)));
        assert_eq!((victim.process.uid, victim.role, victim.score), (Some(1000), Role::Chosen, None));
        assert_eq!(victim.memory.unwrap().anon_rss_bytes, 15_000 * 4096);
        assert_eq!(victim.aftermath.sigkill_ns, Some(0));
        assert_eq!(victim.process.cmdline.as_ref().unwrap().len(), 2);
        assert!(report.status.complete, "{:?}", report.cause.evidence);
        assert_eq!(
            report.cause.summary,
            "earlyoom (pid 700), not the kernel, killed hog (pid 900) when /pods (memory.max 64.0 MiB) was short of memory"
        );
    }
}

#[test]
fn identifies_scripts_by_name_and_programs_by_executable() {
    let mut stream = Stream::new("fentry");
    kill(&mut stream, user_kill(task(900), sender(700, b"worker-1")), FILLED, &calm());
    assert!(stream.clone().tick(S).told().closed.is_empty());
    let start = task(700).start_boot_ns;
    let found = json!({ "pid": 700, "tid": 700, "start_boot_ns": start, "exe": "/usr/bin/earlyoom", "looked_up_ns": 1 });
    let told = stream.context(Kind::Process, &found).tick(S).told();
    assert_eq!(told.only().cause.confidence, Confidence::Observed);
}

#[test]
fn reports_a_cgroup_killed_as_a_whole_as_one_incident() {
    let mut stream = Stream::new("fentry");
    for pid in [900, 901, 902] {
        let noinfo =
            Sigkill { origin: Sigkill::FROM_NOINFO, ..user_kill(task(pid), sender(700, b"systemd-oomd")) };
        kill(&mut stream, noinfo, FULL, &calm());
    }
    // A second signal to the same process is not delivered. Another sender is another incident.
    stream.add(Sigkill { result: 2, ..user_kill(task(900), sender(700, b"systemd-oomd")) });
    kill(&mut stream, user_kill(task(950), sender(701, b"bash")), FULL, &calm());
    let told = stream.tick(S).told();
    let victims: Vec<usize> = told.closed.iter().map(|report| report.victims.len()).collect();
    assert_eq!(victims, [3, 1]);
    let report = &told.closed[0];
    assert_eq!(report.selection.outcome, Some(Outcome::GroupKilled));
    assert!(report.victims.iter().all(|victim| victim.role == Role::Chosen));
    assert!(report.cause.evidence[0].contains("cgroup.kill"), "{:?}", report.cause.evidence);
    assert!(report.cause.summary.contains("hog (pid 900) and 2 more"), "{}", report.cause.summary);
}

#[test]
fn a_storm_ends_and_reports_the_omitted_kills() {
    let mut stream = Stream::new("fentry");
    let mut left_out = 0;
    for pid in 1000..1040 {
        left_out += 5;
        let one = Sigkill { left_out, ..user_kill(task(pid), sender(700, b"earlyoom")) };
        kill(&mut stream, one, FULL, &calm());
        stream.later(50 * MS);
    }
    let told = stream.told();
    assert_eq!(told.closed.len(), 2, "one incident per second");
    assert!(told.closed.iter().all(|report| !report.status.complete));
    let reported: usize = told.closed.iter().map(|report| report.victims.len()).sum();
    assert_eq!(reported, 40);
    assert!(
        told.closed[0]
            .cause
            .evidence
            .iter()
            .any(|line| line.contains("signals from user space were too frequent"))
    );
}

#[test]
fn kills_after_a_kernel_kill_are_consequences() {
    for (comm, later, memcg, reports) in [
        (&b"containerd-shim"[..], 10 * MS, APP, 1),
        // Kills elsewhere, later or by a memory watcher are separate incidents.
        (b"containerd-shim", 10 * MS, OTHER, 2),
        (b"containerd-shim", 3 * S, APP, 2),
        (b"systemd-oomd", 10 * MS, APP, 2),
    ] {
        let hog = task(812);
        let mut stream = Stream::new("fentry");
        stream.memcg_oom(hog, PODS).kill(hog, hog, MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(812).later(later);
        stream.add(level(OTHER, ROOT, b"other", FULL, LIMIT));
        let target = Task { memcg, ..task(900) };
        let mut pressure = calm();
        pressure["memcg"] = json!(memcg);
        pressure["cgroups"][0]["memcg"] = json!(memcg);
        kill(&mut stream, user_kill(target, sender(700, comm)), FULL, &pressure);
        let told = stream.tick(2 * S).told();
        assert_eq!(told.closed.len(), reports, "{later} {memcg}");
        let by_kernel = told.closed.iter().find(|report| report.cause.code == Code::MemcgLimit).unwrap();
        assert_eq!(by_kernel.victims.len(), 1, "not a victim of the kernel's decision");
    }
}

#[test]
fn a_kill_while_the_victim_is_dying_is_a_consequence() {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(hog, PODS).kill(hog, hog, MESSAGE, MEMCG, LIMIT).leave(1, 1);
    kill(&mut stream, user_kill(task(900), sender(700, b"runc")), FULL, &calm());
    // A second SIGKILL to the victim itself.
    kill(&mut stream, user_kill(hog, sender(701, b"earlyoom")), FULL, &calm());
    let told = stream.exit(812).tick(S).told();
    assert_eq!((told.only().cause.code, told.only().victims.len()), (Code::MemcgLimit, 1));
}

#[test]
fn ignores_signals_that_need_no_explanation() {
    let full = |kill: Sigkill| {
        let mut stream = Stream::new("fentry");
        self::kill(&mut stream, kill, FULL, &calm());
        stream.tick(S).told().closed.len()
    };
    let by = |sender: Task| user_kill(task(900), sender);
    assert_eq!(full(by(sender(700, b"bash"))), 1);
    assert_eq!(full(by(task(900))), 0, "itself");
    let exiting = Task { flags: 0x4, ..sender(700, b"bash") };
    assert_eq!(full(by(exiting)), 0, "a parent's death");
    assert_eq!(full(Sigkill { result: 1, ..by(sender(700, b"bash")) }), 0, "ignored");
}

#[test]
fn a_marked_dying_process_was_not_killed_by_the_kernel() {
    // The signal of user space must not count as the signal before a mark.
    let hog = task(900);
    let mut stream = Stream::new("tracepoint");
    kill(&mut stream, user_kill(hog, sender(700, b"earlyoom")), FULL, &calm());
    stream.add(MarkVictim { victim: hog, trigger: hog }).exit(900).tick(S);
    let told = stream.told();
    let outcomes: Vec<_> =
        told.closed.iter().map(|report| (report.cause.code, report.selection.outcome)).collect();
    assert!(outcomes.contains(&(Code::Userspace, Some(Outcome::Killed))), "{outcomes:?}");
    assert!(
        outcomes
            .iter()
            .any(|(code, outcome)| *code != Code::Userspace && *outcome == Some(Outcome::MarkedOnly))
    );
}

#[test]
fn signals_of_an_older_recording_come_from_the_kernel() {
    let hog = task(812);
    let mut stream = Stream::with(&session("tracepoint", &[]));
    let kernels = Sigkill { sender_tid: 812, ..sigkill_of(812) };
    let bytes = zerocopy::IntoBytes::as_bytes(&kernels)[..80].to_vec();
    stream.raw(Kind::Sigkill.number(), &bytes).tree().add(MarkVictim { victim: hog, trigger: hog }).exit(812);
    assert_eq!(stream.told().only().selection.outcome, Some(Outcome::Killed));
    assert_eq!(Sigkill::new_zeroed().origin, Sigkill::FROM_KERNEL);
}
