//! The chosen thread, the killed thread and the allocating thread may be three threads of one process.

use oomtrace_common::event::{KillProcess, MarkVictim, OomKillProcess, Sigkill, Task};
use zerocopy::FromZeros;

use crate::stream::{LIMIT, MEMCG, NONE, PODS, Stream, base, choice, sigkill_of, task};

const MEMCG_MESSAGE: &str = "Memory cgroup out of memory";
const ALLOCATING: &str = "Out of memory (oom_kill_allocating_task)";

/// A mark of a kernel whose tracepoint contains only a thread number.
fn mark_by_number(tid: i32, trigger: Task) -> MarkVictim {
    MarkVictim { victim: Task { tid, ..Task::new_zeroed() }, trigger }
}

/// A process whose leader has exited, and the thread that still has its memory.
fn leader_and_worker() -> (Task, Task) {
    let (mut leader, mut worker) = (task(144), task(144));
    leader.present &= !Task::MEMORY;
    worker.tid = 145;
    worker.comm[..6].copy_from_slice(b"worker");
    (leader, worker)
}

fn sigkill_to(worker: Task, sender: i32) -> Sigkill {
    let Task { pid, tid, comm, .. } = worker;
    Sigkill { tid, comm, sender_tid: sender, in_pass: 1, ..sigkill_of(pid) }
}

#[test]
fn a_bare_thread_number_gets_its_name_from_the_signal() {
    let leader = task(150);
    let mut thread = task(150);
    thread.tid = 151;
    thread.comm[..4].copy_from_slice(b"work");
    let mut stream = Stream::new("fentry");
    stream.global_oom(thread).sysctl(1);
    stream.add(OomKillProcess { evaluated: 0, ..choice(thread, ALLOCATING, NONE, 500_000) });
    stream.add(KillProcess { victim: thread }).add(sigkill_to(leader, 151));
    stream.add(mark_by_number(150, thread)).leave(1, 1).exit(150);
    let told = stream.told();
    let victim = &told.only().victims[0];
    assert_eq!((victim.process.pid, victim.process.tid), (Some(150), Some(150)));
    assert_eq!(
        victim.process.comm.as_ref().unwrap().as_bytes(),
        b"hog",
        "not the name of the allocating thread"
    );
    assert_eq!(victim.process.leader_comm, None, "the victim is the leader");
}

#[test]
fn a_bare_number_equal_to_the_trigger_gets_the_triggers_memory() {
    let (leader, worker) = leader_and_worker();
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(worker, PODS);
    stream.add(OomKillProcess { points: base(&worker), ..choice(leader, MEMCG_MESSAGE, MEMCG, LIMIT) });
    stream.add(KillProcess { victim: leader }).add(sigkill_to(worker, 145));
    stream.add(mark_by_number(145, worker)).leave(1, 1).exit(144);
    let told = stream.told();
    let victim = &told.only().victims[0];
    assert_eq!((victim.process.pid, victim.process.tid), (Some(144), Some(145)));
    assert_eq!(victim.process.comm.as_ref().unwrap().as_bytes(), b"worker");
    assert_eq!(victim.memory.unwrap().anon_rss_bytes, 15_000 * 4096, "the trigger has the same memory");
    assert_eq!(victim.score.unwrap().base_pages, Some(base(&worker)));
}

#[test]
fn a_dead_leader_gets_the_memory_of_the_marked_thread() {
    let (trigger, (leader, worker)) = (task(812), leader_and_worker());
    let mut stream = Stream::new("kprobe");
    stream.memcg_oom(trigger, PODS);
    stream.add(OomKillProcess { points: base(&worker), ..choice(leader, MEMCG_MESSAGE, MEMCG, LIMIT) });
    stream.add(KillProcess { victim: leader }).add(sigkill_to(worker, 812));
    stream.add(MarkVictim { victim: worker, trigger }).leave(1, 1).exit(144);
    let told = stream.told();
    let score = told.only().victims[0].score.unwrap();
    assert_eq!((score.points, score.base_pages), (Some(base(&worker)), Some(base(&worker))));
}

#[test]
fn unreported_memory_is_absent() {
    let (trigger, (leader, worker)) = (task(812), leader_and_worker());
    let mut stream = Stream::new("fentry");
    stream.memcg_oom(trigger, PODS);
    stream.add(OomKillProcess { points: base(&worker), ..choice(leader, MEMCG_MESSAGE, MEMCG, LIMIT) });
    stream.add(KillProcess { victim: leader }).add(sigkill_to(worker, 812));
    stream.add(mark_by_number(145, trigger)).leave(1, 1).exit(144);
    let told = stream.told();
    let victim = &told.only().victims[0];
    assert_eq!(victim.process.comm.as_ref().unwrap().as_bytes(), b"worker");
    assert_eq!((victim.memory, victim.score.unwrap().base_pages), (None, None));
}
