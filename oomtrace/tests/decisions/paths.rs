//! Every way in which a pass kills or marks a process, or none, against its row in `docs/verdicts.md`.

use std::collections::BTreeMap;

use oomtrace::report::Report;
use oomtrace_common::event::{
    Emptiness, EmptyPasses, KillProcess, MarkVictim, Memcg, OomGroup, OutOfMemory, OutOfMemoryReturn,
    Sigkill, Task,
};
use zerocopy::FromZeros as _;

use crate::stream::{
    APP, LIMIT, MEMCG, NO_LIMIT, NONE, PODS, ROOT, S, Stream, kthread, level, memcg_request, request,
    returned, sigkill_of, task, tree,
};

const DOC: &str = include_str!("../../../docs/verdicts.md");
const MEMCG_MESSAGE: &str = "Memory cgroup out of memory";
const MESSAGE: &str = "Out of memory";
const ALLOCATING: &str = "Out of memory (oom_kill_allocating_task)";

/// Cause, policy and outcome. `-` stands for an absent value, `None` for a way without a report of its own.
type Expected = Option<[String; 3]>;

/// The rows of the document by their first cell.
fn documented() -> BTreeMap<String, Expected> {
    let section = DOC.split("\n## ").find(|part| part.starts_with("The ways of a decision")).unwrap();
    // After the head and the line below it.
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(2);
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [way, _, cause, policy, outcome, _] = cells.as_slice() else { panic!("{line}") };
        let code = |cell: &&str| cell.trim_matches('`').to_owned();
        let told = (*cause != "no report").then(|| [cause, policy, outcome].map(code));
        ((*way).to_owned(), told)
    })
    .collect()
}

fn codes(report: &Report) -> [String; 3] {
    let policy = report.selection.policy.map_or("-", |policy| policy.name());
    let outcome = report.selection.outcome.map_or("-", |outcome| outcome.name());
    [report.cause.code.name(), policy, outcome].map(str::to_owned)
}

/// A kill at the limit of `/pods`, up to the return of the pass.
fn killing() -> Stream {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(hog, PODS).kill(hog, hog, MEMCG_MESSAGE, MEMCG, LIMIT);
    stream
}

fn killed() -> Stream {
    let mut stream = killing();
    stream.leave(1, 1);
    stream
}

/// Masks with and without `__GFP_FS`.
const GFP_KERNEL: u32 = 0xcc0;
const GFP_NOFS: u32 = 0xc40;

fn passes(emptiness: Emptiness, memcg: u64, flags: u32, total_pages: u64) -> Stream {
    passes_for(GFP_KERNEL, emptiness, memcg, flags, total_pages)
}

fn passes_for(gfp_mask: u32, emptiness: Emptiness, memcg: u64, flags: u32, total_pages: u64) -> Stream {
    let mut stream = Stream::new("fentry");
    stream.enter();
    let first_ns = stream.pass;
    #[expect(clippy::as_conversions, reason = "the discriminants are the numbers")]
    let emptiness = emptiness as u32;
    let passes =
        EmptyPasses { memcg, first_ns, last_ns: first_ns, count: 1, emptiness, ..EmptyPasses::new_zeroed() };
    stream.tree().add(EmptyPasses {
        flags,
        total_pages,
        gfp_mask,
        evaluated: 2,
        pid: 812,
        tid: 812,
        constraint: MEMCG,
        ..passes
    });
    stream.pass = 0;
    stream
}

/// A choice at the limit of `/pods`, followed by the frames that `then` adds.
fn chosen(then: impl FnOnce(&mut Stream, Task)) -> Stream {
    let victim = task(900);
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(task(812), PODS).choose(victim, MEMCG_MESSAGE, MEMCG, LIMIT);
    then(&mut stream, victim);
    stream
}

fn by_kernel_thread(thread: Task, order: i32, flags: u32) -> Stream {
    let mut stream = Stream::new("fentry");
    stream.enter().add(OutOfMemory { order, flags, ..request(thread) }).tree();
    stream.kill(task(900), thread, MESSAGE, NONE, 500_000).leave(1, 1);
    stream
}

fn lowered() -> Stream {
    let writer = Task { memcg: ROOT, ..task(700) };
    let flags = OutOfMemory::MEMCG | OutOfMemory::MEMORY_MAX_WRITE;
    let mut stream = Stream::new("fentry");
    stream.enter().add(OutOfMemory { flags, ..memcg_request(writer, PODS) });
    let [app, pods, root] = tree();
    stream.add(app).add(Memcg { usage_pages: LIMIT * 2, ..pods }).add(root);
    stream.kill(task(900), writer, MEMCG_MESSAGE, MEMCG, LIMIT).leave(1, 1);
    stream
}

fn allocating() -> Stream {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    stream.global_oom(hog).sysctl(1).kill(hog, hog, ALLOCATING, NONE, 500_000).leave(1, 1);
    stream
}

fn shared_mm() -> Stream {
    let mut stream = killing();
    stream.sigkill(901, 812).leave(1, 1);
    stream
}

/// A BPF program chooses a task before the kernel compares scores.
fn by_bpf() -> Stream {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    stream.global_oom(hog).choose(task(900), "BPF OOM", NONE, 500_000).execute(task(900), hog);
    stream.add(OutOfMemoryReturn {
        bpf_memory_freed: 1,
        chosen: OutOfMemoryReturn::CHOSEN_NONE,
        evaluated: 0,
        ..returned(1, 1)
    });
    stream.pass = 0;
    stream
}

fn group() -> Stream {
    let mut stream = chosen(|stream, victim| {
        stream
            .add(OomGroup { memcg: PODS, reserved: 0 })
            .execute(victim, task(812))
            .execute(task(901), task(812));
    });
    stream.add(KillProcess { victim: task(900) }).sigkill(900, 812).leave(3, 2);
    stream
}

fn from_user_space(used_pages: u64, sender: Task) -> (Vec<Memcg>, Sigkill) {
    let levels = vec![
        level(APP, PODS, b"app", used_pages, NO_LIMIT),
        level(PODS, ROOT, b"pods", used_pages, LIMIT),
        level(ROOT, 0, b"", 0, NO_LIMIT),
    ];
    let origin = Sigkill::FROM_SIGINFO;
    let kill = Sigkill { sender_pid: sender.pid, origin, target: task(901), sender, ..sigkill_of(901) };
    (levels, kill)
}

fn with_user_kill(mut stream: Stream, comm: &[u8]) -> Stream {
    let mut sender = Task { memcg: ROOT, ..task(700) };
    sender.comm[..comm.len()].copy_from_slice(comm);
    let (levels, kill) = from_user_space(LIMIT, sender);
    for level in levels {
        stream.add(level);
    }
    let looked_up =
        serde_json::json!({ "memcg": APP, "cgroups": [{ "memcg": PODS, "inactive_file_bytes": 0 }] });
    stream.add(kill).context(oomtrace_common::frame::Kind::Pressure, &looked_up);
    stream
}

/// The stream of the way with this number.
fn stream(way: &str) -> Stream {
    let dying = task(812);
    match way {
        "1" => killed(),
        "2" => allocating(),
        "3" => by_kernel_thread(kthread(44, b"kworker/0:1", 0), -1, OutOfMemory::ZONELIST),
        "4" => lowered(),
        "5" => by_kernel_thread(kthread(55, b"kswapd0", 0x0002_0000), 0, 0),
        "6" => {
            let mut stream = Stream::new("fentry");
            stream.memcg_oom(dying, PODS).add(MarkVictim { victim: dying, trigger: dying }).leave(0, 1);
            stream
        }
        "7" => chosen(|stream, victim| {
            stream.add(MarkVictim { victim, trigger: task(812) }).leave(0, 1);
        }),
        "8" => chosen(|stream, victim| {
            stream.add(KillProcess { victim }).leave(1, 0);
        }),
        "9" => group(),
        "10" => shared_mm(),
        "11" => {
            let mut stream = killed();
            stream.sigkill(950, 812);
            stream
        }
        "12" => with_user_kill(killed(), b"containerd-shim"),
        // The kernel calls no hook in these ways, or none that identifies them.
        "13" | "14" => Stream::new("fentry"),
        "15" => passes(Emptiness::NothingToKill, PODS, OutOfMemory::MEMCG, LIMIT),
        "16" => passes(Emptiness::VictimDying, PODS, OutOfMemory::MEMCG, LIMIT),
        "17, BPF" => passes(Emptiness::BpfFreed, 0, OutOfMemory::ZONELIST, 0),
        "17, freed" => passes(Emptiness::Nothing, 0, OutOfMemory::ZONELIST, 0),
        "17, NOFS" => passes_for(GFP_NOFS, Emptiness::Nothing, 0, OutOfMemory::ZONELIST, 0),
        "17, off" => passes(Emptiness::NothingToKill, 0, OutOfMemory::ZONELIST, 0),
        "19" => by_bpf(),
        "18" => with_user_kill(Stream::new("fentry"), b"earlyoom"),
        other => panic!("{other} is in the document and not in this test"),
    }
}

/// Ways that accompany a kill with a report of its own.
const BESIDE_A_KILL: [&str; 2] = ["11", "12"];

#[test]
fn reports_every_way_as_documented() {
    let documented = documented();
    assert_eq!(documented.len(), 22, "{:?}", documented.keys());
    for (way, expected) in documented {
        let told = stream(&way).tick(10 * S).told();
        let codes: Vec<[String; 3]> = told.closed.iter().map(codes).collect();
        let beside = if BESIDE_A_KILL.contains(&way.as_str()) { codes.len() - 1 } else { codes.len() };
        assert_eq!(beside, usize::from(expected.is_some()), "way {way}: {codes:?}");
        if let Some(expected) = expected {
            assert_eq!(codes, [expected], "way {way}");
        }
    }
}
