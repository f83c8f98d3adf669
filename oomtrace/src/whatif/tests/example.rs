//! Example decisions: one of `/pods` (64 MiB), with the cgroups `/pods/app` and `/pods/db`, and one of the whole machine.

use std::rc::Rc;

use oomtrace_common::event::{Memcg, OutOfMemoryReturn};
use serde_json::json;

use super::super::{Answer, Change, Refusal, decide_again};
use crate::{
    badness,
    cgroup::tests::level,
    incident::{Ballot, Candidate, Choice, Counters, Incident, PassedOver, Request, Role, Task, Victim},
};

pub(super) const ROOT: u64 = 1;
pub(super) const PODS: u64 = 10;
pub(super) const APP: u64 = 11;
pub(super) const DB: u64 = 12;
/// `memory.max` of `/pods`, pages.
pub(super) const LIMIT: u64 = 16_384;
/// Pages of the machine.
pub(super) const MACHINE: u64 = 1_000_000;

/// Builds a process with this many pages.
pub(super) fn task(pid: i32, comm: &str, memcg: u64, adj: i16, pages: u64) -> Task {
    let counters = Counters {
        total_vm_pages: 2 * pages,
        file_pages: 0,
        anon_pages: pages,
        shmem_pages: 0,
        swap_pages: 0,
        pgtables_bytes: 0,
    };
    Task {
        pid: Some(pid),
        tid: Some(pid),
        comm: Some(comm.into()),
        flags: Some(0),
        start_boot_ns: Some(1000),
        oom_score_adj: Some(adj),
        memcg: Some(memcg),
        memory: Some(counters),
        ..Task::default()
    }
}

/// Gives a task the kernel's points, which are slightly higher than its counters say.
fn candidate(task: Task, total_pages: u64) -> Candidate {
    let base = task.memory.unwrap().base_pages(4096) + 3;
    let points = badness::points(base, task.oom_score_adj.unwrap(), total_pages);
    let passed_over = points.is_none().then_some(PassedOver::AdjMin);
    Candidate { task, points, passed_over }
}

/// Decides among these tasks by the kernel's own rule.
fn decided(tasks: &[Task], request: Request, total_pages: u64) -> Incident {
    let candidates = tasks.iter().map(|task| candidate(task.clone(), total_pages)).collect();
    let ballot = Ballot { candidates, kernel_threads: 2, ..Ballot::default() };
    let winner = ballot.winner().unwrap().clone();
    let choice = Choice {
        task: winner.task.clone(),
        points: winner.points.unwrap(),
        total_pages,
        constraint: if request.memcg.is_some() { 3 } else { 0 },
        evaluated: u32::try_from(tasks.len()).unwrap() + 2,
        message: b"Out of memory".to_vec(),
    };
    let victim =
        Victim { killed: true, marked: true, sigkill_ns: Some(5), ..Victim::new(winner.task, Role::Chosen) };
    let levels = [(ROOT, 0, ""), (PODS, ROOT, "pods"), (APP, PODS, "app"), (DB, PODS, "db")];
    let memcgs = levels.map(|(id, parent, name)| (id, cgroup(id, parent, name)));
    Incident {
        session: Some(Rc::new(session())),
        pass: Some(1),
        boot_ns: 1,
        trigger: tasks.last().cloned(),
        request: Some(request),
        choice: Some(choice),
        ballot: Some(ballot),
        victims: vec![victim],
        returned: Some(returned()),
        memcgs: memcgs.into(),
        ..Incident::default()
    }
}

fn session() -> crate::context::Session {
    let session = json!({
        "tool_version": "0.1.0", "kernel_release": "6.12.0-test", "host": "h", "wall_offset_ns": 0,
        "page_size": 4096, "tier": "fentry", "memory_hierarchy": "v2",
        "facts": { "constraint": { "none": 0, "cpuset": 1, "memory_policy": 2, "memcg": 3 },
                   "gfp_naming": "macros", "gfp_bits": [] },
    });
    serde_json::from_value(session).unwrap()
}

fn returned() -> OutOfMemoryReturn {
    OutOfMemoryReturn {
        total_pages: 0,
        points: 0,
        evaluated: 0,
        constraint: 0,
        returned: 1,
        chosen: OutOfMemoryReturn::CHOSEN_TASK,
        kills: 1,
        marks: 1,
        duration_ns: 1,
        bpf_memory_freed: 0,
        reserved: 0,
    }
}

/// Builds a cgroup. `/pods` is full, and the others have no limit.
fn cgroup(id: u64, parent: u64, name: &str) -> Memcg {
    let mut memcg = level(id, parent, name.as_bytes());
    memcg.present = Memcg::COUNTERS | Memcg::HIGH | Memcg::SWAP | Memcg::OOM_GROUP;
    let off = crate::explain::limits::counter_max(4096);
    memcg.max_pages = if id == PODS { LIMIT } else { off };
    (memcg.high_pages, memcg.swap_max_pages) = (off, off);
    memcg.usage_pages = if id == ROOT { 400_000 } else { LIMIT };
    memcg
}

/// Builds a decision that killed `python` (9 000 pages, `/pods/app`). The other candidates are `redis` (5 000, `/pods/db`),
/// `agent` (100, at -1000, `/pods/db`) and `shell` (200, `/pods/app`), which is the trigger.
pub(crate) fn in_pods() -> Incident {
    let tasks = [
        task(901, "python", APP, 0, 9_000),
        task(812, "redis", DB, 0, 5_000),
        task(33, "agent", DB, -1000, 100),
        task(950, "shell", APP, 0, 200),
    ];
    let request =
        Request { memcg: Some(PODS), zonelist: false, memory_max_write: false, gfp_mask: 0xcc0, order: 0 };
    decided(&tasks, request, LIMIT)
}

/// Builds the same tasks on a machine that ran out of memory.
pub(super) fn on_the_machine() -> Incident {
    let mut incident = in_pods();
    let tasks: Vec<Task> =
        incident.ballot.take().unwrap().candidates.into_iter().map(|candidate| candidate.task).collect();
    let request = Request { memcg: None, zonelist: true, memory_max_write: false, gfp_mask: 0xcc0, order: 0 };
    decided(&tasks, request, MACHINE)
}

/// Builds the same decision with the sysctl set: the kernel killed the trigger and examined no task.
pub(super) fn allocating() -> Incident {
    let mut incident = on_the_machine();
    let choice = incident.choice.as_mut().unwrap();
    choice.task = incident.trigger.clone().unwrap();
    choice.message = b"Out of memory (oom_kill_allocating_task)".to_vec();
    (choice.points, choice.evaluated) = (0, 0);
    incident.victims[0].task = choice.task.clone();
    incident.ballot = None;
    incident
}

pub(super) fn adj(typed: &str) -> Change {
    Change::adj(typed).unwrap()
}

pub(super) fn decide(incident: &Incident, changes: &[Change]) -> Answer {
    decide_again(incident, changes).unwrap()
}

pub(super) fn refuse(incident: &Incident, changes: &[Change]) -> Refusal {
    decide_again(incident, changes).unwrap_err()
}

/// Returns the pids of the processes that would die, the chosen one first.
pub(super) fn dead(answer: &Answer) -> Vec<i32> {
    answer.after.victims.iter().map(|victim| victim.pid.unwrap()).collect()
}
