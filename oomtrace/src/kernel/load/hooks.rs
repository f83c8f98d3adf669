//! The table of hooks, in the order in which they are attached. Those inside the decision come first and its entry comes last,
//! so that no decision is seen only in part.

use oomtrace_common::layout::KernelLayout;

use crate::kernel::tier::Tier;

/// A place in the kernel, and the programs that can be attached there.
#[derive(Debug)]
pub struct Hook {
    /// The kernel's name for it.
    pub name: &'static str,
    /// The facts that reports get from it.
    pub tells: &'static str,
    /// The effect of its absence.
    pub need: Need,
    /// The ways to attach it, best first.
    pub ways: &'static [Way],
}

/// The effect of a missing hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing can be traced.
    Required,
    /// Decisions cannot be seen from inside. Only the tracepoint tier is left.
    Spine,
    /// It is part of the view from inside, and a detail is absent.
    Inside,
    /// A detail is absent, on any tier.
    Detail,
}

impl Need {
    /// Whether the hook is part of the view from inside `out_of_memory`.
    #[must_use]
    pub const fn is_inside(self) -> bool {
        matches!(self, Self::Spine | Self::Inside)
    }
}

/// One way to attach a hook: either all of its programs or none.
#[derive(Debug)]
pub struct Way {
    /// The tier that allows it.
    pub tier: Tier,
    /// The programs, in the order they are attached.
    pub programs: &'static [Carrier],
    /// A slot of the layout that the programs require.
    pub slot: Option<fn(&KernelLayout) -> u32>,
    /// The condition on the kernel's symbols.
    pub symbol: Symbol,
}

/// A condition on the kernel's symbols. If a compiler splits a function, the kernel may call only a part that has another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symbol {
    /// No condition.
    Any,
    /// This part was split off, and the way attaches to it. Parts have no BTF, so such a way belongs to every tier.
    Part(&'static str),
    /// This part was not split off. Otherwise the way would see no decision.
    Whole(&'static str),
}

impl Symbol {
    /// Whether the symbols allow the way. If the kernel does not answer, attaching is tried.
    #[must_use]
    pub fn is_possible(self, has: impl FnOnce(&'static str) -> Option<bool>) -> bool {
        match self {
            Self::Any => true,
            Self::Part(part) => has(part) != Some(false),
            Self::Whole(part) => has(part) != Some(true),
        }
    }
}

/// A program of the object and its target.
#[derive(Debug)]
pub struct Carrier {
    /// Its name in the object.
    pub program: &'static str,
    /// Function or tracepoint.
    pub target: &'static str,
}

const fn carrier(program: &'static str, target: &'static str) -> Carrier {
    Carrier { program, target }
}

const fn way(tier: Tier, programs: &'static [Carrier], slot: Option<fn(&KernelLayout) -> u32>) -> Way {
    Way { tier, programs, slot, symbol: Symbol::Any }
}

/// The part of `oom_badness` that gcc 10 splits off in 5.10. The decision calls the part, and procfs calls the function.
const BADNESS_PART: &str = "oom_badness.part.0";

/// All hooks.
pub static HOOKS: [Hook; 15] = [
    Hook {
        name: "mark_victim",
        tells: "that there was a victim",
        need: Need::Required,
        ways: &[
            way(Tier::Tracepoint, &[carrier("mark_victim_tp_btf", "mark_victim")], None),
            way(
                Tier::Tracepoint,
                &[carrier("mark_victim_tracepoint", "mark_victim")],
                Some(|layout| layout.event_mark_victim_pid),
            ),
        ],
    },
    Hook {
        name: "signal_generate",
        tells: "when SIGKILL was sent, processes killed for sharing the victim's memory, and kills by user space",
        need: Need::Detail,
        ways: &[way(
            Tier::Tracepoint,
            &[carrier("signal_generate_tp_btf", "signal_generate")],
            Some(|layout| layout.arg_signal_task),
        )],
    },
    Hook {
        name: "signal_deliver",
        tells: "command line and executable of a victim that was not allocating",
        need: Need::Detail,
        ways: &[way(
            Tier::Tracepoint,
            &[carrier("signal_deliver_tp_btf", "signal_deliver")],
            Some(|layout| layout.arg_signal_deliver_sig),
        )],
    },
    Hook {
        name: "sched_process_exit",
        tells: "when the victim exited",
        need: Need::Detail,
        ways: &[way(
            Tier::Tracepoint,
            &[carrier("process_exit_tp_btf", "sched_process_exit")],
            Some(|layout| layout.arg_exit_task),
        )],
    },
    Hook {
        name: "start_task_reaping",
        tells: "when the OOM reaper began",
        need: Need::Detail,
        ways: &[way(
            Tier::Tracepoint,
            &[carrier("reap_start_tp_btf", "start_task_reaping")],
            Some(|layout| layout.arg_reap_pid),
        )],
    },
    Hook {
        name: "finish_task_reaping",
        tells: "when the OOM reaper ended",
        need: Need::Detail,
        ways: &[way(
            Tier::Tracepoint,
            &[carrier("reap_finish_tp_btf", "finish_task_reaping")],
            Some(|layout| layout.arg_reap_pid),
        )],
    },
    Hook {
        name: "skip_task_reaping",
        tells: "that the OOM reaper had nothing to do",
        need: Need::Detail,
        ways: &[way(
            Tier::Tracepoint,
            &[carrier("reap_skip_tp_btf", "skip_task_reaping")],
            Some(|layout| layout.arg_reap_pid),
        )],
    },
    Hook {
        name: "__handle_sysrq",
        tells: "that an OOM kill was requested with SysRq-f, and by which process",
        need: Need::Detail,
        ways: &[
            way(Tier::Fentry, &[carrier("sysrq_fentry", "__handle_sysrq")], None),
            way(Tier::Kprobe, &[carrier("sysrq_kprobe", "__handle_sysrq")], None),
            way(Tier::Tracepoint, &[carrier("sysrq_console_tp_btf", "console")], None),
        ],
    },
    Hook {
        name: "memory_max_write",
        tells: "that a lowered memory.max was the cause",
        need: Need::Inside,
        ways: &[
            way(
                Tier::Fentry,
                &[
                    carrier("memory_max_write_fexit", "memory_max_write"),
                    carrier("memory_max_write_fentry", "memory_max_write"),
                ],
                None,
            ),
            way(
                Tier::Kprobe,
                &[
                    carrier("memory_max_write_kretprobe", "memory_max_write"),
                    carrier("memory_max_write_kprobe", "memory_max_write"),
                ],
                None,
            ),
        ],
    },
    Hook {
        name: "mem_cgroup_get_oom_group",
        tells: "that memory.oom.group widened the kill",
        need: Need::Inside,
        ways: &[
            way(
                Tier::Fentry,
                &[carrier("oom_group_fexit", "mem_cgroup_get_oom_group")],
                Some(|layout| layout.arg_get_oom_group_ret),
            ),
            way(Tier::Kprobe, &[carrier("oom_group_kretprobe", "mem_cgroup_get_oom_group")], None),
        ],
    },
    Hook {
        name: "oom_badness",
        tells: "the points of each candidate",
        need: Need::Inside,
        ways: &[
            Way {
                symbol: Symbol::Part(BADNESS_PART),
                ..way(Tier::Kprobe, &[carrier("badness_kretprobe", BADNESS_PART)], None)
            },
            Way {
                symbol: Symbol::Whole(BADNESS_PART),
                ..way(
                    Tier::Fentry,
                    &[carrier("badness_fexit", "oom_badness")],
                    Some(|layout| layout.arg_badness_ret),
                )
            },
            Way {
                symbol: Symbol::Whole(BADNESS_PART),
                ..way(Tier::Kprobe, &[carrier("badness_kretprobe", "oom_badness")], None)
            },
        ],
    },
    Hook {
        name: "oom_evaluate_task",
        tells: "which tasks were candidates",
        need: Need::Inside,
        ways: &[
            way(
                Tier::Fentry,
                &[carrier("evaluate_task_fexit", "oom_evaluate_task")],
                Some(|layout| layout.arg_evaluate_task_task),
            ),
            way(
                Tier::Kprobe,
                &[
                    carrier("evaluate_task_kretprobe", "oom_evaluate_task"),
                    carrier("evaluate_task_kprobe", "oom_evaluate_task"),
                ],
                Some(|layout| layout.arg_evaluate_task_task),
            ),
        ],
    },
    Hook {
        name: "__oom_kill_process",
        tells: "each process that was killed",
        need: Need::Spine,
        ways: &[
            way(
                Tier::Fentry,
                &[carrier("kill_process_fentry", "__oom_kill_process")],
                Some(|layout| layout.arg_kill_process_victim),
            ),
            way(
                Tier::Kprobe,
                &[carrier("kill_process_kprobe", "__oom_kill_process")],
                Some(|layout| layout.arg_kill_process_victim),
            ),
        ],
    },
    Hook {
        name: "oom_kill_process",
        tells: "which task was chosen, with what score and by which policy",
        need: Need::Spine,
        ways: &[
            way(
                Tier::Fentry,
                &[carrier("oom_kill_process_fentry", "oom_kill_process")],
                Some(|layout| layout.arg_oom_kill_process_oc),
            ),
            way(
                Tier::Kprobe,
                &[carrier("oom_kill_process_kprobe", "oom_kill_process")],
                Some(|layout| layout.arg_oom_kill_process_oc),
            ),
        ],
    },
    Hook {
        name: "out_of_memory",
        tells: "why memory ran out, which task was allocating and how the decision ended",
        need: Need::Spine,
        ways: &[
            way(
                Tier::Fentry,
                &[
                    carrier("out_of_memory_fexit", "out_of_memory"),
                    carrier("out_of_memory_fentry", "out_of_memory"),
                ],
                Some(|layout| layout.arg_out_of_memory_oc),
            ),
            way(
                Tier::Kprobe,
                // The kernel calls the last one first. It reads the stack before the other one replaces the return address.
                &[
                    carrier("out_of_memory_kretprobe", "out_of_memory"),
                    carrier("out_of_memory_kprobe", "out_of_memory"),
                ],
                Some(|layout| layout.arg_out_of_memory_oc),
            ),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::Symbol;

    #[test]
    fn hooks_either_the_part_or_the_whole_function() {
        let [any, part, whole] = [Symbol::Any, Symbol::Part("x.part.0"), Symbol::Whole("x.part.0")];
        let possible = |known| [any, part, whole].map(|symbol| symbol.is_possible(|_| known));
        assert_eq!(possible(Some(true)), [true, true, false]);
        assert_eq!(possible(Some(false)), [true, false, true]);
        assert_eq!(possible(None), [true, true, true]);
    }
}
