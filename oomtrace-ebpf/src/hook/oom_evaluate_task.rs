//! `int oom_evaluate_task(struct task_struct *task, void *arg)`: the kernel calls it for each task that it examines.
//! <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L309>

use aya_ebpf::{
    macros::{fexit, kprobe, kretprobe},
    programs::{FExitContext, ProbeContext, RetProbeContext},
};

use crate::{
    context::{argument, pointer_argument},
    kernel::{
        layout::slot,
        read::{Address, Probed, Read, Typed},
    },
    pass, table,
};

#[fexit]
fn evaluate_task_fexit(ctx: FExitContext) -> u32 {
    let returned = argument(&ctx, slot!(arg_evaluate_task_ret)) as i32;
    evaluated::<Typed>(pointer_argument(&ctx, slot!(arg_evaluate_task_task)), returned);
    0
}

/// Stores the task for the hook on the return.
#[kprobe]
fn evaluate_task_kprobe(ctx: ProbeContext) -> u32 {
    if let Some(pass) = pass::current() {
        pass.task = argument(&ctx, slot!(arg_evaluate_task_task));
    }
    0
}

#[kretprobe]
fn evaluate_task_kretprobe(ctx: RetProbeContext) -> u32 {
    let task = pass::current().map_or(0, |pass| pass.task);
    evaluated::<Probed>(core::ptr::without_provenance(task as usize), ctx.ret::<i32>());
    0
}

#[inline(always)]
fn evaluated<R: Read>(task: Address, returned: i32) {
    let Some(pass) = pass::current() else { return };
    pass.evaluated += 1;
    table::add::<R>(pass, task, returned);
    pass.points = table::NO_POINTS;
    pass.points_seen = 0;
}
