//! Compares this process with procfs.

use oomtrace_common::{event::Task, layout::KernelLayout};
use zerocopy::FromZeros as _;

use crate::kernel::selfcheck::{SelfCheckError, SelfFacts, compare};

fn layout() -> KernelLayout {
    KernelLayout { task_struct_tgid: 1268, signal_struct_oom_score_adj: 1058, ..KernelLayout::UNRESOLVED }
}

fn facts() -> SelfFacts {
    SelfFacts {
        pid: 42,
        tid: 43,
        initial_pid_namespace: true,
        comm: b"worker".to_vec(),
        leader_comm: b"oomtrace".to_vec(),
        oom_score_adj: -500,
        start_ticks: 1234,
        ticks_per_second: 100,
        boottime_offset_ns: 0,
    }
}

fn task() -> Task {
    let mut task = Task::new_zeroed();
    task.present = Task::PID | Task::NS_PID | Task::LEADER | Task::OOM_SCORE_ADJ;
    (task.pid, task.tid, task.ns_pid) = (42, 43, 42);
    task.comm[..6].copy_from_slice(b"worker");
    task.leader_comm[..8].copy_from_slice(b"oomtrace");
    task.oom_score_adj = -500;
    task.start_boot_ns = 12_349_999_999;
    task
}

fn mismatch(task: &Task, facts: &SelfFacts) -> &'static str {
    match compare(task, facts, &layout()).unwrap_err() {
        SelfCheckError::Mismatch { field, .. } | SelfCheckError::Unread { field, .. } => field,
        other @ (SelfCheckError::Read { .. } | SelfCheckError::Format { .. }) => panic!("{other}"),
    }
}

#[test]
fn accepts_equal_values() {
    compare(&task(), &facts(), &layout()).unwrap();
}

#[test]
fn reports_each_field_that_differs() {
    let off = |change: fn(&mut Task)| {
        let mut task = task();
        change(&mut task);
        mismatch(&task, &facts())
    };
    assert_eq!(off(|task| task.pid = 1), "task_struct.tgid");
    assert_eq!(off(|task| task.tid = 1), "task_struct.pid");
    assert_eq!(off(|task| task.ns_pid = 1), "upid.nr");
    assert_eq!(off(|task| task.comm[0] = b'x'), "task_struct.comm");
    assert_eq!(off(|task| task.leader_comm[0] = b'x'), "group_leader->comm");
    assert_eq!(off(|task| task.oom_score_adj = 0), "signal_struct.oom_score_adj");
    assert_eq!(off(|task| task.start_boot_ns += 1), "task_struct.start_boottime (in clock ticks)");
}

#[test]
fn reports_each_field_that_was_not_read() {
    let without = |bit: u32| {
        let mut task = task();
        task.present &= !bit;
        mismatch(&task, &facts())
    };
    assert_eq!(without(Task::PID), "task_struct.tgid");
    assert_eq!(without(Task::LEADER), "task_struct.group_leader");
    assert_eq!(without(Task::OOM_SCORE_ADJ), "signal_struct.oom_score_adj");
}

#[test]
fn message_has_offset_and_both_values() {
    let mut task = task();
    task.oom_score_adj = 300;
    let sentence = compare(&task, &facts(), &layout()).unwrap_err().to_string();
    assert_eq!(
        sentence,
        "signal_struct.oom_score_adj of our own process, read at byte 1058 where the kernel's BTF says it is, is 300; \
         procfs says -500"
    );
}

#[test]
fn compares_only_the_inner_id_in_a_pid_namespace() {
    let facts = SelfFacts { pid: 7, tid: 8, initial_pid_namespace: false, ..facts() };
    let mut task = task();
    task.ns_pid = 7;
    compare(&task, &facts, &layout()).unwrap();
    task.ns_pid = 9;
    assert_eq!(mismatch(&task, &facts), "upid.nr");
}

#[test]
fn respects_the_time_namespace() {
    let facts = SelfFacts { start_ticks: 1334, boottime_offset_ns: 1_000_000_000, ..facts() };
    compare(&task(), &facts, &layout()).unwrap();
}
