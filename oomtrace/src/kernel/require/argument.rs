//! The positions of arguments. All are optional: if an argument cannot be found, its hook is not used.

use super::{Pick, Place, Requirement, slot};

/// Arguments of functions are found by name, and those of tracepoints by type.
///
/// The BTF of 5.10 on arm64 has no static functions. Their parameters have the positions that they have in the source of every
/// kernel from 5.10 on: <https://github.com/torvalds/linux/blob/v5.10/mm/oom_kill.c> (`oom_evaluate_task`,
/// `__oom_kill_process`, `oom_kill_process`). If a compiler moves the parameters of a function, it also renames the function,
/// as in `NAME.isra.0`, and attaching the kprobe fails.
pub(super) const SLOTS: &[Requirement] = &[
    slot!(
        arg_out_of_memory_oc,
        Optional,
        [Place::Parameter { function: "out_of_memory", name: "oc", to: "oom_control" }]
    ),
    slot!(
        arg_oom_kill_process_oc,
        Optional,
        [
            Place::Parameter { function: "oom_kill_process", name: "oc", to: "oom_control" },
            Place::Source { function: "oom_kill_process", name: "oc", at: 0 },
        ]
    ),
    slot!(
        arg_oom_kill_process_message,
        Optional,
        [
            Place::Parameter { function: "oom_kill_process", name: "message", to: "char" },
            Place::Source { function: "oom_kill_process", name: "message", at: 1 },
        ]
    ),
    slot!(
        arg_kill_process_victim,
        Optional,
        [
            Place::Parameter { function: "__oom_kill_process", name: "victim", to: "task_struct" },
            Place::Source { function: "__oom_kill_process", name: "victim", at: 0 },
        ]
    ),
    slot!(arg_get_oom_group_ret, Optional, [Place::Result { function: "mem_cgroup_get_oom_group" }]),
    slot!(
        arg_evaluate_task_task,
        Optional,
        [
            Place::Parameter { function: "oom_evaluate_task", name: "task", to: "task_struct" },
            Place::Source { function: "oom_evaluate_task", name: "task", at: 0 },
        ]
    ),
    slot!(arg_evaluate_task_ret, Optional, [Place::Result { function: "oom_evaluate_task" }]),
    slot!(arg_badness_ret, Optional, [Place::Result { function: "oom_badness" }]),
    slot!(arg_out_of_memory_ret, Optional, [Place::Result { function: "out_of_memory" }]),
    // `int pid` until 6.8; the task and its uid since 6.9, commit 72ba14deb40a, and in stable trees from early 2025.
    slot!(
        arg_mark_victim_task,
        Optional,
        [Place::Trace { event: "mark_victim", pick: Pick::Pointer("task_struct") }]
    ),
    slot!(arg_mark_victim_pid, Optional, [Place::Trace { event: "mark_victim", pick: Pick::Pid }]),
    // `int sig, struct kernel_siginfo *info, struct task_struct *task, int group, int result`.
    slot!(
        arg_signal_sig,
        Optional,
        [Place::Trace { event: "signal_generate", pick: Pick::Int { nth: 0, of: 3 } }]
    ),
    slot!(
        arg_signal_info,
        Optional,
        [Place::Trace { event: "signal_generate", pick: Pick::Pointer("kernel_siginfo") }]
    ),
    slot!(
        arg_signal_task,
        Optional,
        [Place::Trace { event: "signal_generate", pick: Pick::Pointer("task_struct") }]
    ),
    slot!(
        arg_signal_group,
        Optional,
        [Place::Trace { event: "signal_generate", pick: Pick::Int { nth: 1, of: 3 } }]
    ),
    slot!(
        arg_signal_result,
        Optional,
        [Place::Trace { event: "signal_generate", pick: Pick::Int { nth: 2, of: 3 } }]
    ),
    // `int sig, struct kernel_siginfo *info, struct k_sigaction *ka`.
    slot!(
        arg_signal_deliver_sig,
        Optional,
        [Place::Trace { event: "signal_deliver", pick: Pick::Int { nth: 0, of: 1 } }]
    ),
    // Until 6.15 only the task; since 6.16 it is followed by `bool group_dead`.
    slot!(
        arg_exit_task,
        Optional,
        [Place::Trace { event: "sched_process_exit", pick: Pick::Pointer("task_struct") }]
    ),
    slot!(arg_reap_pid, Optional, [Place::Trace { event: "start_task_reaping", pick: Pick::Pid }]),
    slot!(event_mark_victim_pid, Optional, [Place::Format { event: "oom/mark_victim", field: "pid" }]),
];
