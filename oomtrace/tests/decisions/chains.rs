//! Kills that belong together: chains of the same memory, of a stuck victim and of a process that is started again.

use oomtrace::{incident::Link, report::Report};
use oomtrace_common::{
    event::{Candidate, CandidatesHead, Node, OutOfMemory, Task},
    frame::Kind,
};
use zerocopy::{FromZeros as _, IntoBytes as _};

use crate::stream::{
    LIMIT, MEMCG, MS, NO_LIMIT, NONE, OTHER, PODS, ROOT, S, Stream, level, memcg_request, request, task,
};

const MESSAGE: &str = "Memory cgroup out of memory";

fn named(pid: i32, comm: &[u8]) -> Task {
    let mut task = task(pid);
    (task.comm, task.leader_comm) = ([0; 16], [0; 16]);
    task.comm[..comm.len()].copy_from_slice(comm);
    task.leader_comm[..comm.len()].copy_from_slice(comm);
    task
}

/// A kill for the limit of `/pods`, whose victim exits at once.
fn killed(stream: &mut Stream, pid: i32, comm: &[u8]) {
    let victim = named(pid, comm);
    stream.memcg_oom(victim, PODS).kill(victim, victim, MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(pid);
}

fn places(reports: &[Report]) -> Vec<Option<(u64, Link)>> {
    reports.iter().map(|report| report.chain.as_ref().map(|chain| (chain.position, chain.link))).collect()
}

#[test]
fn kills_for_the_same_memory_within_seconds_are_one_chain() {
    let mut stream = Stream::new("fentry");
    for (pid, comm) in [(10, &b"bystander"[..]), (11, b"other"), (12, b"culprit")] {
        killed(&mut stream, pid, comm);
        stream.tick(3 * S);
    }
    // Another cgroup is another chain, and so is the same one a minute later.
    let other = Task { memcg: OTHER, ..named(13, b"elsewhere") };
    stream.enter().add(memcg_request(other, OTHER));
    stream.add(level(OTHER, ROOT, b"other", LIMIT, LIMIT)).add(level(ROOT, 0, b"", 0, NO_LIMIT));
    stream.kill(other, other, MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(13).tick(60 * S);
    killed(&mut stream, 14, b"new");
    let told = stream.tick(2 * S).told();
    let same = |position| Some((position, Link::SameDomain));
    assert_eq!(places(&told.closed), [None, same(2), same(3), None, None]);
    assert_eq!(places(&told.decided), places(&told.closed));
    let [first, second, third] = &told.closed[..3] else { panic!("{}", told.closed.len()) };
    let chain = third.chain.as_ref().unwrap();
    assert_eq!((&chain.id, &chain.previous.id), (&first.id, &second.id));
    assert_eq!((chain.previous.pid, chain.since_ns), (Some(11), third.boot_ns - first.boot_ns));
    assert_eq!(chain.previous.before_ns, third.boot_ns - second.boot_ns);
    let clause = "; it is the 3rd kill of a chain that began 6 s before";
    assert!(third.cause.summary.contains(clause), "{}", third.cause.summary);
}

#[test]
fn a_kill_by_sysrq_is_in_no_chain_of_the_machine() {
    let mut stream = Stream::new("fentry");
    for (pid, comm, order) in [(10, &b"one"[..], 0), (11, b"two", -1)] {
        let victim = named(pid, comm);
        stream.enter().add(OutOfMemory { order, ..request(victim) });
        stream.kill(victim, victim, "Out of memory", NONE, LIMIT).leave(1, 1).exit(pid).tick(S);
    }
    assert_eq!(places(&stream.tick(2 * S).told().closed), [None, None]);
}

#[test]
fn a_machine_that_runs_out_again_is_one_chain() {
    let mut stream = Stream::new("fentry");
    for (pid, comm) in [(10, &b"one"[..]), (11, b"two")] {
        let victim = named(pid, comm);
        stream.global_oom(victim).kill(victim, victim, "Out of memory", NONE, LIMIT).leave(1, 1).exit(pid);
        stream.tick(S);
    }
    assert_eq!(places(&stream.tick(2 * S).told().closed), [None, Some((2, Link::SameDomain))]);
}

#[test]
fn the_kill_after_a_stuck_victim_knows_it() {
    let mut stream = Stream::new("fentry");
    let stuck = named(10, b"stuck");
    stream.memcg_oom(stuck, PODS).kill(stuck, stuck, MESSAGE, MEMCG, LIMIT).leave(1, 1);
    stream.tick(3 * S);
    let second = named(11, b"second");
    stream.memcg_oom(second, PODS);
    stream.choose(second, MESSAGE, MEMCG, LIMIT);
    table(&mut stream, row(stuck));
    stream.execute(second, second).leave(1, 1).exit(11).tick(10 * S);
    let mut told = stream.told();
    told.closed.sort_by_key(|report| report.boot_ns);
    // The second is over before the first, which is still waiting for its victim.
    assert_eq!(places(&told.closed), [None, Some((2, Link::StuckVictim))]);
    let chain = told.closed[1].chain.as_ref().unwrap();
    assert_eq!((&chain.id, chain.previous.pid), (&told.closed[0].id, Some(10)));
}

fn row(task: Task) -> Candidate {
    let mut row = Candidate::new_zeroed();
    row.present = Candidate::MEMORY | Candidate::OOM_SCORE_ADJ | Candidate::OOM_SKIP;
    (row.pid, row.start_boot_ns, row.memcg) = (task.pid, task.start_boot_ns, task.memcg);
    row.points = i64::MIN;
    row.anon_rss_pages = 10_000;
    row.comm = task.comm;
    row
}

fn table(stream: &mut Stream, row: Candidate) {
    let head = CandidatesHead {
        head_bytes: 32,
        row_bytes: 104,
        rows: 1,
        first: 0,
        kernel_threads: 0,
        left_out: 0,
        left_out_points: i64::MIN,
    };
    stream.raw(Kind::Candidate.number(), &[head.as_bytes(), row.as_bytes()].concat());
}

#[test]
fn a_process_that_is_started_again_and_killed_again_is_one_chain() {
    let mut stream = Stream::new("fentry");
    for pid in 10..13 {
        killed(&mut stream, pid, b"worker");
        stream.tick(20 * S);
    }
    let told = stream.told();
    let again = |position| Some((position, Link::SameVictim));
    assert_eq!(places(&told.closed), [None, again(2), again(3)]);
    let third = &told.closed[2];
    assert!(third.cause.summary.ends_with("; this is the 3rd such kill in 40 s"), "{}", third.cause.summary);
}

#[test]
fn a_container_that_kubernetes_starts_again_has_another_identifier() {
    let mut stream = Stream::new("fentry");
    let pod = b"pod0f0e0d0c-0000-4000-8000-000000000001";
    for (pid, digit) in [(10, b'a'), (11, b'b')] {
        let id = 100 + u64::from(digit);
        let victim = Task { memcg: id, ..named(pid, b"java") };
        stream.enter().add(memcg_request(victim, id));
        stream.add(level(id, OTHER, &[digit; 64], LIMIT, LIMIT));
        stream.add(level(OTHER, ROOT, pod, LIMIT, NO_LIMIT)).add(level(ROOT, 0, b"", 0, NO_LIMIT));
        stream.kill(victim, victim, MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(pid).tick(60 * S);
    }
    let told = stream.told();
    assert_eq!(places(&told.closed), [None, Some((2, Link::SameVictim))]);
    assert_eq!(told.closed[1].repeats.map(|repeats| repeats.count), Some(2));
}

#[test]
fn marks_alone_are_joined_by_the_cgroup_of_their_victims() {
    let mut stream = Stream::new("tracepoint");
    for (pid, comm) in [(10, &b"one"[..]), (11, b"two")] {
        let victim = named(pid, comm);
        stream.tree().sigkill(pid, pid);
        stream.add(oomtrace_common::event::MarkVictim { victim, trigger: victim }).exit(pid).tick(S);
    }
    let told = stream.tick(10 * S).told();
    assert_eq!(places(&told.closed), [None, Some((2, Link::SameDomain))]);
    assert_eq!(told.closed[1].victims[0].process.cgroup.as_ref().unwrap().as_bytes(), b"/pods/app");
}

#[test]
fn thousands_of_different_kills_keep_a_bounded_number_of_chains() {
    let mut stream = Stream::new("fentry");
    for pid in 1000..1200_i32 {
        let id = 5000 + u64::from(pid.unsigned_abs());
        let name = pid.to_string();
        let victim = Task { memcg: id, ..named(pid, name.as_bytes()) };
        stream.enter().add(memcg_request(victim, id));
        stream.add(level(id, ROOT, name.as_bytes(), LIMIT, LIMIT)).add(level(ROOT, 0, b"", 0, NO_LIMIT));
        stream.kill(victim, victim, MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(pid).later(10 * MS);
    }
    // The first of them is forgotten; the last is not.
    for (pid, of) in [(2000, 1000), (2001, 1199)] {
        let id = 5000 + of;
        let name = of.to_string();
        let victim = Task { memcg: id, ..named(pid, b"again") };
        stream.enter().add(memcg_request(victim, id));
        stream.add(level(id, ROOT, name.as_bytes(), LIMIT, LIMIT)).add(level(ROOT, 0, b"", 0, NO_LIMIT));
        stream.kill(victim, victim, MESSAGE, MEMCG, LIMIT).leave(1, 1).exit(pid).later(10 * MS);
    }
    let mut told = stream.tick(2 * S).told();
    told.closed.sort_by_key(|report| report.boot_ns);
    assert_eq!(places(&told.closed[200..]), [None, Some((2, Link::SameDomain))]);
    assert!(told.closed[..200].iter().all(|report| report.chain.is_none()));
}

/// A kill for the machine by an allocation that a memory policy confines to some of two nodes.
fn killed_on(stream: &mut Stream, pid: i32, nodes: [bool; 2]) {
    let victim = named(pid, format!("app{pid}").as_bytes());
    stream.global_oom(victim).choose(victim, "Out of memory", NONE, LIMIT);
    for (number, allowed) in (0..).zip(nodes) {
        let mut node = Node::new_zeroed();
        let within = if allowed { Node::IN_NODEMASK } else { 0 };
        (node.node, node.flags) = (number, Node::NODEMASK | within);
        stream.add(node);
    }
    stream.execute(victim, victim).leave(1, 1).exit(pid);
    stream.tick(S);
}

#[test]
fn kills_on_different_nodes_are_different_chains() {
    let mut stream = Stream::new("fentry");
    // The names of the commands differ, so that only the memory can link them.
    for (pid, nodes) in [(10, [true, false]), (11, [false, true]), (12, [true, true]), (13, [false, true])] {
        killed_on(&mut stream, pid, nodes);
    }
    let told = stream.tick(2 * S).told();
    let same = |position| Some((position, Link::SameDomain));
    assert_eq!(places(&told.closed), [None, None, same(2), same(3)]);
}
