//! Hand-made reports for the tests of all sinks.

mod shortage;

use std::{
    io::{self, Write},
    rc::Rc,
};

pub(crate) use self::shortage::{exempt, movable_kill, tmpfs_kill};
use crate::{
    bytes::ByteString,
    explain::{Code, Confidence, Outcome, Policy},
    incident::{PassedOver, Role},
    kernel::tier::Tier,
    report::{
        Aftermath, Allocation, Attribution, Candidate, Cause, ClosedBy, Domain, Level, Memory, Process,
        Report, SCHEMA, Score, Selection, Status, Sysctl, Victim,
    },
};

/// An output that always fails.
pub(crate) struct Broken;

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const MIB: u64 = 1 << 20;

/// A kill at a memory cgroup's limit with complete data.
pub(crate) fn memcg_kill() -> Report {
    Report {
        schema: SCHEMA,
        id: "10e8b1f00".to_owned(),
        time: Some("2026-01-02T03:04:05.123456789Z".to_owned()),
        boot_ns: 4_538_965_760,
        host: Some("node7".to_owned()),
        kernel: Some("6.12.0".to_owned()),
        tier: Some(Tier::Fentry),
        status: Status {
            closed_by: Some(ClosedBy::Kernel),
            complete: true,
            lost_frames: 0,
            unreported_kills: 0,
        },
        cause: cause(),
        selection: narrow_selection(),
        allocation: allocation(),
        sysctl: Sysctl { oom_kill_allocating_task: Some(0), panic_on_oom: Some(0), overcommit_memory: None },
        domain: domain(),
        machine: None,
        account: None,
        lead_up: None,
        trigger: Some(process()),
        requested_by: None,
        victims: vec![victim()],
        candidates: Some(vec![chosen(), runner_up(), protected()]),
        candidates_total: Some(3),
        candidates_left_out: Some(0),
        kernel_threads: Some(0),
        marks: 1,
        empty_passes: None,
        sent: None,
        followed: Vec::new(),
        prekill: None,
        afterwards: None,
        repeats: None,
        chain: None,
    }
}

fn narrow_selection() -> Selection {
    Selection {
        margin_points: Some(5_943),
        runner_up_pid: Some(90),
        chosen_adj_at_most: Some(-372),
        runner_up_adj_at_least: Some(472),
        ..selection(Some(Policy::Badness), Some(Outcome::Killed))
    }
}

fn allocation() -> Allocation {
    Allocation {
        order: Some(0),
        gfp_mask: Some("0xcc0".to_owned()),
        gfp_flags: Some(vec!["GFP_KERNEL".to_owned()]),
        constraint: Some("memcg"),
        ..Allocation::default()
    }
}

fn chosen() -> Candidate {
    Candidate {
        pid: Some(812),
        comm: Some("python3".into()),
        uid: Some(1000),
        start_boot_ns: Some(2_000_000_000),
        cgroup: Some("/kubepods/pod7".into()),
        points: Some(15_938),
        oom_flag_origin: false,
        rss_pages: Some(15_846),
        anon_pages: Some(15_700),
        file_pages: Some(146),
        shmem_pages: Some(0),
        swap_pages: Some(0),
        pgtables_pages: Some(92),
        oom_score_adj: Some(0),
        adj_pages: Some(0),
        difference_pages: Some(0),
        passed_over: None,
        chosen: true,
        place: Attribution::default(),
    }
}

fn runner_up() -> Candidate {
    Candidate {
        pid: Some(90),
        comm: Some("java".into()),
        points: Some(9_995),
        rss_pages: Some(8_370),
        anon_pages: Some(8_224),
        pgtables_pages: Some(20),
        oom_score_adj: Some(100),
        adj_pages: Some(1_600),
        difference_pages: Some(5),
        chosen: false,
        ..chosen()
    }
}

fn protected() -> Candidate {
    Candidate {
        pid: Some(33),
        comm: Some("agent".into()),
        points: None,
        oom_score_adj: Some(-1000),
        adj_pages: Some(-16_000),
        difference_pages: None,
        passed_over: Some(PassedOver::AdjMin),
        ..runner_up()
    }
}

fn cause() -> Cause {
    Cause {
        code: Code::MemcgLimit,
        confidence: Confidence::Observed,
        evidence: vec!["the pass was for /kubepods/pod7".to_owned(), "its usage was at its limit".to_owned()],
        summary: "/kubepods/pod7 reached its memory limit of 64.0 MiB".to_owned(),
    }
}

const fn selection(policy: Option<Policy>, outcome: Option<Outcome>) -> Selection {
    Selection {
        policy,
        outcome,
        margin_points: None,
        runner_up_pid: None,
        chosen_adj_at_most: None,
        runner_up_adj_at_least: None,
    }
}

fn domain() -> Domain {
    let root =
        Level { usage_bytes: None, swap_usage_bytes: None, oom_group: None, ..level("/", 0, None, false) };
    Domain {
        kind: Some("memcg"),
        cgroup: Some("/kubepods/pod7".into()),
        total_pages: Some(16_384),
        usage_bytes: Some(64 * MIB),
        limit_bytes: Some(64 * MIB),
        swap_usage_bytes: Some(0),
        swap_limit_bytes: Some(0),
        memsw: Some(false),
        oom_group: Some(false),
        memory_stat: Some(Rc::new(
            [("anon", 62 * MIB), ("file", 0)].map(|(key, value)| (key.to_owned(), value)).into(),
        )),
        chain: vec![
            level("/kubepods/pod7", 64 * MIB, Some(64 * MIB), true),
            level("/kubepods", 1100 * MIB, None, false),
            root,
        ],
    }
}

fn victim() -> Victim {
    let (points, total_pages) = (Some(15_938), Some(16_384));
    Victim {
        process: process(),
        role: Role::Chosen,
        memory: Some(memory()),
        score: Some(Score { points, base_pages: points, adj_pages: Some(0), total_pages }),
        aftermath: Aftermath { sigkill_ns: Some(41_200), exit_ns: Some(14_260_000), ..Aftermath::default() },
    }
}

fn level(cgroup: &str, usage: u64, max: Option<u64>, hit: bool) -> Level {
    Level {
        cgroup: Some(cgroup.into()),
        usage_bytes: Some(usage),
        max_bytes: max,
        high_bytes: None,
        swap_usage_bytes: Some(0),
        swap_max_bytes: max.map(|_| 0),
        oom_group: Some(false),
        hit,
        place: Attribution::default(),
    }
}

fn process() -> Process {
    Process {
        pid: Some(812),
        tid: Some(812),
        ns_pid: Some(7),
        comm: Some("python3".into()),
        cmdline: Some(vec!["python3".into(), "-c".into(), "x = 1".into()]),
        exe: Some("/usr/bin/python3.12".into()),
        uid: Some(1000),
        oom_score_adj: Some(0),
        cgroup: Some("/kubepods/pod7".into()),
        ..Process::default()
    }
}

fn memory() -> Memory {
    Memory {
        total_vm_bytes: 70 * MIB,
        anon_rss_bytes: 15_700 * 4096,
        file_rss_bytes: 146 * 4096,
        shmem_rss_bytes: 0,
        swap_bytes: 0,
        pgtables_bytes: 92 * 4096,
    }
}

/// A kill on the tracepoint tier, with few facts.
pub(crate) fn tracepoint_kill() -> Report {
    let known = Process { pid: Some(900), comm: Some("hog".into()), ..Process::default() };
    Report {
        id: "1087d38bd0".to_owned(),
        time: None,
        boot_ns: 71_000_002_000,
        host: None,
        kernel: None,
        tier: Some(Tier::Tracepoint),
        status: Status {
            closed_by: Some(ClosedBy::Timeout),
            complete: false,
            lost_frames: 3,
            unreported_kills: 0,
        },
        cause: Cause {
            confidence: Confidence::Inferred,
            evidence: Vec::new(),
            summary: "/job is taken to have reached its memory limit".to_owned(),
            ..cause()
        },
        selection: selection(None, None),
        allocation: Allocation::default(),
        sysctl: Sysctl::default(),
        domain: Domain { cgroup: Some("/job".into()), ..Domain::default() },
        trigger: Some(Process { pid: Some(901), ..Process::default() }),
        victims: vec![Victim {
            process: known,
            memory: None,
            score: None,
            aftermath: Aftermath::default(),
            ..victim()
        }],
        candidates: None,
        candidates_total: None,
        candidates_left_out: None,
        kernel_threads: None,
        ..memcg_kill()
    }
}

/// A kill with names that an attacker chose.
pub(crate) fn hostile_kill() -> Report {
    let mut report = memcg_kill();
    let hostile = ByteString::from(b"\x1b[2J\n\x9b31m\x7f\xff\xe2\x80\xaex".to_vec());
    let deep = ByteString::from(
        [b"/a\xc2\x9b/".as_slice(), "e\u{301}\u{301}\u{301}\u{301}/".repeat(60).as_bytes()].concat(),
    );
    let victim = &mut report.victims[0].process;
    victim.pid = Some(813);
    report.cause.summary = "bad \u{1b}]0;title\u{7} name\nof a cgroup".to_owned();
    report.cause.evidence = vec!["\u{202e}\r".to_owned()];
    report.host = Some("\u{9b}".to_owned());
    report.domain.cgroup = Some(deep.clone());
    report.domain.chain[0].cgroup = Some(deep.clone());
    for row in report.candidates.as_mut().unwrap() {
        (row.comm, row.cgroup) = (Some(hostile.clone()), Some(deep.clone()));
    }
    report.allocation.gfp_flags = Some(vec!["\u{1b}[0m".to_owned()]);
    for process in [victim, report.trigger.as_mut().unwrap()] {
        process.comm = Some(hostile.clone());
        process.leader_comm = Some(hostile.clone());
        process.exe = Some(hostile.clone());
        process.cgroup = Some(deep.clone());
        process.cmdline = Some(vec![hostile.clone(); 100]);
    }
    report
}
