//! `long oom_badness(struct task_struct *p, unsigned long totalpages)`: the score of one task.
//! <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L202>
//!
//! Every read of a `/proc/PID/oom_score` also calls this function, so the program uses only the calls of the trigger inside its
//! pass. A compiler may split the function, and the decision then calls only the part (`oom_badness.part.0`). The part returns
//! the same value.

use aya_ebpf::{
    macros::{fexit, kretprobe},
    programs::{FExitContext, RetProbeContext},
};
use oomtrace_common::event::Candidate;

use crate::{context::argument, kernel::layout::slot, pass};

#[fexit]
fn badness_fexit(ctx: FExitContext) -> u32 {
    scored(argument(&ctx, slot!(arg_badness_ret)).cast_signed());
    0
}

#[kretprobe]
fn badness_kretprobe(ctx: RetProbeContext) -> u32 {
    scored(ctx.ret::<i64>());
    0
}

#[inline(always)]
fn scored(points: i64) {
    if let Some(pass) = pass::current() {
        pass.points = points;
        pass.points_seen = Candidate::POINTS;
    }
}
