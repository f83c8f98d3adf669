//! `int oom_evaluate_task(struct task_struct *task, void *arg)`: called for each task the kernel looks at.
//! <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L309>
//!
//! Counts only. The table of candidates will read its task here.

use aya_ebpf::{
    macros::{fentry, kprobe},
    programs::{FEntryContext, ProbeContext},
};

use crate::pass;

#[fentry]
fn evaluate_task_fentry(_ctx: FEntryContext) -> u32 {
    count();
    0
}

#[kprobe]
fn evaluate_task_kprobe(_ctx: ProbeContext) -> u32 {
    count();
    0
}

#[inline(always)]
fn count() {
    if let Some(pass) = pass::current() {
        pass.evaluated += 1;
    }
}
