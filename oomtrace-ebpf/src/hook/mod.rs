//! The hooks, one a file, each with the kernel's prototype in its head comment. An entry point for each kind of
//! program that can carry the hook; all of them lead to one `try_…`.

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
mod signal_generate;
mod sysrq;
