//! Reports with every field known, and reports with none.

use std::rc::Rc;

use oomtrace::{
    account::Account,
    attribute::{Attribution, Container, Job, JobKind, Pod, Qos, Runtime},
    explain::{Code, Confidence, Outcome, Policy},
    incident::{Link, Method, PassedOver, RequestSource, Role},
    kernel::tier::Tier,
    report::{
        Aftermath, Afterwards, Allocation, Candidate, Cause, Chain, ClosedBy, Domain, EmptyPasses, Followed,
        Known, Level, Machine, Memory, Prekill, PrekillProcess, Previous, Process, Repeats, Report,
        RequestedBy, Restarted, SCHEMA, Score, Selection, Sent, Snapshot, Status, Swap, Sysctl, Victim,
    },
};

use super::{
    lead_up::{empty_lead_up, lead_up},
    shortage::{account, allocation, empty_account, empty_machine, machine},
};

/// A report with every field that this version knows, and a complete victim.
pub(super) fn maximal() -> Report {
    Report {
        schema: SCHEMA,
        id: "1".to_owned(),
        time: Some("2026-01-02T03:04:05Z".to_owned()),
        boot_ns: 1,
        host: Some("host".to_owned()),
        kernel: Some("6.12.0".to_owned()),
        tier: Some(Tier::Fentry),
        status: Status {
            closed_by: Some(ClosedBy::Kernel),
            complete: true,
            lost_frames: 0,
            unreported_kills: 0,
        },
        cause: cause(),
        selection: selection(),
        allocation: allocation(),
        sysctl: sysctl(),
        domain: domain(),
        machine: Some(machine()),
        account: Some(account()),
        lead_up: Some(lead_up()),
        trigger: Some(process()),
        requested_by: Some(requested_by()),
        victims: vec![victim()],
        candidates: Some(vec![candidate()]),
        candidates_total: Some(1),
        candidates_left_out: Some(0),
        kernel_threads: Some(0),
        marks: 1,
        empty_passes: Some(EmptyPasses { count: 1, last_ns: 1 }),
        sent: Some(Sent { signal: "SIGKILL", method: Some(Method::Signal), count: 1, left_out: 0 }),
        prekill: Some(prekill()),
        followed: vec![followed()],
        afterwards: Some(afterwards()),
        repeats: Some(Repeats { count: 2, since_ns: 1 }),
        chain: Some(chain()),
    }
}

fn sysctl() -> Sysctl {
    Sysctl { oom_kill_allocating_task: Some(0), panic_on_oom: Some(0), overcommit_memory: Some(0) }
}

fn afterwards() -> Afterwards {
    let restarted = Restarted { pid: 1, comm: "job".into(), after_ns: 1 };
    Afterwards { cgroup_removed: false, restarted: Some(restarted) }
}

fn selection() -> Selection {
    Selection {
        policy: Some(Policy::Badness),
        outcome: Some(Outcome::Killed),
        margin_points: Some(1),
        runner_up_pid: Some(2),
        chosen_adj_at_most: Some(-1),
        runner_up_adj_at_least: Some(1),
    }
}

fn followed() -> Followed {
    Followed {
        signal: "SIGKILL",
        method: Some(Method::CgroupKill),
        sender_pid: Some(1),
        sender_comm: Some("comm".into()),
        sender_cgroup: Some("/a".into()),
        after_ns: 1,
        cgroup: Some("/a".into()),
        count: 1,
        left_out: 0,
        processes: vec![Known { pid: Some(1), comm: Some("comm".into()) }],
    }
}

fn prekill() -> Prekill {
    let process = PrekillProcess {
        pid: 1,
        comm: Some("comm".into()),
        rss_bytes: 1,
        cmdline: Some(vec!["comm".into()]),
    };
    let snapshot = Snapshot {
        after_ns: 1,
        took_ns: 1,
        usage_bytes: Some(1),
        swap_bytes: Some(1),
        anon_bytes: Some(1),
        file_bytes: Some(1),
        shmem_bytes: Some(1),
        stall_permille: Some(1),
        full_stall_permille: Some(1),
        processes_total: Some(1),
        left_out: Some(0),
        all_compared: true,
        processes: vec![process],
    };
    Prekill {
        pid: Some(1),
        comm: Some("comm".into()),
        cgroup: "/a".into(),
        before_ns: 1,
        snapshot: Some(snapshot),
    }
}

/// An announcement with nothing but its cgroup, and a snapshot without figures.
fn empty_prekill() -> Prekill {
    let process = PrekillProcess { pid: 1, comm: None, rss_bytes: 1, cmdline: None };
    let snapshot = Snapshot {
        after_ns: 1,
        took_ns: 1,
        usage_bytes: None,
        swap_bytes: None,
        anon_bytes: None,
        file_bytes: None,
        shmem_bytes: None,
        stall_permille: None,
        full_stall_permille: None,
        processes_total: None,
        left_out: None,
        all_compared: false,
        processes: vec![process],
    };
    Prekill { pid: None, comm: None, snapshot: Some(snapshot), ..prekill() }
}

fn chain() -> Chain {
    let previous = Previous { id: "1".to_owned(), before_ns: 1, pid: Some(1), comm: Some("comm".into()) };
    Chain { id: "1".to_owned(), number: None, position: 2, since_ns: 1, link: Link::SameDomain, previous }
}

/// An act without any known facts.
fn unknown_act() -> Followed {
    Followed {
        method: None,
        sender_pid: None,
        sender_comm: None,
        sender_cgroup: None,
        cgroup: None,
        processes: vec![Known { pid: None, comm: None }],
        ..followed()
    }
}

fn requested_by() -> RequestedBy {
    RequestedBy {
        source: RequestSource::Written,
        pid: Some(1),
        comm: Some("comm".into()),
        uid: Some(0),
        before_ns: 1,
    }
}

fn cause() -> Cause {
    Cause {
        code: Code::MemcgLimit,
        confidence: Confidence::Observed,
        evidence: vec!["evidence".to_owned()],
        summary: "summary".to_owned(),
    }
}

fn domain() -> Domain {
    Domain {
        kind: Some("memcg"),
        cgroup: Some("/a".into()),
        total_pages: Some(1),
        usage_bytes: Some(1),
        limit_bytes: Some(1),
        swap_usage_bytes: Some(1),
        swap_limit_bytes: Some(1),
        memsw: Some(true),
        oom_group: Some(true),
        memory_stat: Some(Rc::new([("anon".to_owned(), 1)].into())),
        chain: vec![Level {
            cgroup: Some("/a".into()),
            usage_bytes: Some(1),
            max_bytes: Some(1),
            high_bytes: Some(1),
            swap_usage_bytes: Some(1),
            swap_max_bytes: Some(1),
            oom_group: Some(true),
            hit: true,
            place: place(),
        }],
    }
}

fn process() -> Process {
    Process {
        pid: Some(1),
        tid: Some(1),
        ns_pid: Some(1),
        comm: Some("comm".into()),
        leader_comm: Some("leader".into()),
        cmdline: Some(vec!["argument".into()]),
        exe: Some("/exe".into()),
        uid: Some(0),
        start_boot_ns: Some(1),
        oom_score_adj: Some(0),
        cgroup: Some("/a".into()),
        title: Some("title".into()),
        place: place(),
    }
}

fn place() -> Attribution {
    Attribution {
        container: Some(Container {
            runtime: Some(Runtime::Docker),
            id: "id".into(),
            name: Some("name".into()),
            image: Some("image".into()),
            init_pid: Some(1),
            lives_on: Some(true),
        }),
        pod: Some(Pod {
            uid: "uid".to_owned(),
            name: Some("name".into()),
            namespace: Some("namespace".into()),
            qos: Qos::Guaranteed,
            container: Some("container".into()),
        }),
        unit: Some("unit".into()),
        slice: Some("slice".into()),
        user: Some("user".into()),
        session: Some("session".into()),
        job: Some(Job { kind: JobKind::Slurm, id: "id".into() }),
    }
}

/// A place without any known detail.
fn place_without_names() -> Attribution {
    let place = place();
    let container = place.container.map(|container| Container {
        runtime: None,
        name: None,
        image: None,
        init_pid: None,
        lives_on: None,
        ..container
    });
    let pod = place.pod.map(|pod| Pod { name: None, namespace: None, container: None, ..pod });
    Attribution { container, pod, ..place }
}

fn victim() -> Victim {
    Victim {
        process: process(),
        role: Role::Chosen,
        memory: Some(Memory {
            total_vm_bytes: 1,
            anon_rss_bytes: 1,
            file_rss_bytes: 1,
            shmem_rss_bytes: 1,
            swap_bytes: 1,
            pgtables_bytes: 1,
        }),
        score: Some(Score { points: Some(1), base_pages: Some(1), adj_pages: Some(0), total_pages: Some(1) }),
        aftermath: Aftermath {
            sigkill_ns: Some(1),
            reap_start_ns: Some(1),
            reap_end_ns: Some(1),
            exit_ns: Some(1),
            reaped_bytes: Some(1),
        },
    }
}

fn candidate() -> Candidate {
    Candidate {
        pid: Some(1),
        comm: Some("comm".into()),
        uid: Some(0),
        start_boot_ns: Some(1),
        cgroup: Some("/a".into()),
        points: Some(-1),
        oom_flag_origin: false,
        rss_pages: Some(1),
        anon_pages: Some(1),
        file_pages: Some(0),
        shmem_pages: Some(0),
        swap_pages: Some(0),
        pgtables_pages: Some(1),
        oom_score_adj: Some(-3),
        adj_pages: Some(-3),
        difference_pages: Some(0),
        passed_over: Some(PassedOver::InVfork),
        chosen: true,
        place: place(),
    }
}

/// A candidate with only its rank.
fn empty_candidate() -> Candidate {
    Candidate {
        pid: None,
        comm: None,
        uid: None,
        start_boot_ns: None,
        cgroup: None,
        points: None,
        oom_flag_origin: false,
        rss_pages: None,
        anon_pages: None,
        file_pages: None,
        shmem_pages: None,
        swap_pages: None,
        pgtables_pages: None,
        oom_score_adj: None,
        adj_pages: None,
        difference_pages: None,
        passed_over: None,
        chosen: false,
        place: Attribution::default(),
    }
}

fn unknown_victim() -> Victim {
    Victim {
        process: Process::default(),
        role: Role::Chosen,
        memory: None,
        score: None,
        aftermath: Aftermath::default(),
    }
}

/// A report without any known field.
pub(super) fn minimal() -> Report {
    Report {
        time: None,
        host: None,
        kernel: None,
        tier: None,
        status: Status { closed_by: None, complete: false, lost_frames: 0, unreported_kills: 0 },
        selection: Selection {
            policy: None,
            outcome: None,
            margin_points: None,
            runner_up_pid: None,
            chosen_adj_at_most: None,
            runner_up_adj_at_least: None,
        },
        allocation: Allocation::default(),
        sysctl: Sysctl::default(),
        domain: Domain::default(),
        machine: None,
        account: None,
        lead_up: None,
        trigger: None,
        requested_by: None,
        victims: vec![unknown_victim()],
        candidates: None,
        candidates_total: None,
        candidates_left_out: None,
        kernel_threads: None,
        empty_passes: None,
        sent: None,
        prekill: None,
        afterwards: None,
        repeats: None,
        chain: None,
        ..maximal()
    }
}

/// A report whose objects exist but are empty.
pub(super) fn without_inner_values() -> Report {
    let score = Score { points: None, base_pages: None, adj_pages: None, total_pages: None };
    let level = Level {
        cgroup: None,
        usage_bytes: None,
        max_bytes: None,
        high_bytes: None,
        swap_usage_bytes: None,
        swap_max_bytes: None,
        oom_group: None,
        hit: false,
        place: Attribution::default(),
    };
    let requested_by =
        RequestedBy { source: RequestSource::Printed, pid: None, comm: None, uid: None, before_ns: 1 };
    Report {
        requested_by: Some(requested_by),
        sent: Some(Sent { signal: "SIGKILL", method: None, count: 1, left_out: 0 }),
        followed: vec![unknown_act()],
        prekill: Some(empty_prekill()),
        afterwards: Some(Afterwards { restarted: None, ..afterwards() }),
        chain: Some(Chain { previous: Previous { pid: None, comm: None, ..chain().previous }, ..chain() }),
        trigger: Some(Process::default()),
        victims: vec![Victim { score: Some(score), ..victim() }],
        domain: Domain { chain: vec![level], ..domain() },
        machine: Some(Machine {
            swap: Swap { devices: None, ..Swap::default() },
            huge_pages: None,
            tmpfs: None,
            slabs: None,
            ..empty_machine()
        }),
        account: Some(Account { holder: None, ..empty_account() }),
        lead_up: Some(empty_lead_up()),
        candidates: Some(vec![empty_candidate()]),
        ..maximal()
    }
}

/// A report whose places have no names, and whose announcement has no snapshot.
pub(super) fn without_names() -> Report {
    let mut report = Report { prekill: Some(Prekill { snapshot: None, ..prekill() }), ..maximal() };
    let processes =
        report.trigger.iter_mut().chain(report.victims.iter_mut().map(|victim| &mut victim.process));
    let places = processes.map(|process| &mut process.place);
    let levels = report.domain.chain.iter_mut().map(|level| &mut level.place);
    let candidates = report.candidates.iter_mut().flatten().map(|candidate| &mut candidate.place);
    places.chain(levels).chain(candidates).for_each(|place| *place = place_without_names());
    report
}
