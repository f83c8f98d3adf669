//! The hooks, one per file. The comment at the top of each file contains the kernel's prototype. A hook has one entry point for
//! each kind of program that can be attached to it, and all entry points call one shared function.

mod kill_process;
mod mark_victim;
mod memory_max_write;
mod oom_badness;
mod oom_evaluate_task;
mod oom_group;
mod oom_kill_process;
mod out_of_memory;
mod reap;
mod sched_process_exit;
mod selfcheck;
mod signal_deliver;
mod signal_generate;
mod sysrq;
