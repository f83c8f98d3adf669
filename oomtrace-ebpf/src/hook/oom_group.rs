//! `struct mem_cgroup *mem_cgroup_get_oom_group(struct task_struct *victim, struct mem_cgroup *oom_domain)`: the highest
//! ancestor with `memory.oom.group`, or NULL.
//! <https://github.com/torvalds/linux/blob/v6.12/mm/memcontrol.c#L1669>

use aya_ebpf::{
    macros::{fexit, kretprobe},
    programs::{FExitContext, RetProbeContext},
};
use oomtrace_common::event::OomGroup;

use crate::{
    context::pointer_argument,
    emit::emit,
    kernel::{
        layout::slot,
        memcg,
        read::{Address, Probed, Read, Typed},
    },
    pass,
};

#[fexit]
fn oom_group_fexit(ctx: FExitContext) -> u32 {
    group::<Typed>(pointer_argument(&ctx, slot!(arg_get_oom_group_ret)));
    0
}

#[kretprobe]
fn oom_group_kretprobe(ctx: RetProbeContext) -> u32 {
    group::<Probed>(core::ptr::without_provenance(ctx.ret::<u64>() as usize));
    0
}

#[inline(always)]
fn group<R: Read>(memcg: Address) {
    let Some(pass) = pass::current() else { return };
    let id = memcg::id::<R>(memcg);
    if id != 0 {
        emit::<OomGroup>(pass.entry_ns, |out| out.memcg = id);
    }
}
