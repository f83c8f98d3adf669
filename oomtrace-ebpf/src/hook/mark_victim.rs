//! `oom:mark_victim`: `(struct task_struct *task, uid_t uid)`, or `(int pid)` on older kernels. Stable series have the change as
//! well. The tracepoint fires with `task_lock` held, once per thread, so the program must be short.
//! <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L763>

use aya_ebpf::{
    EbpfContext,
    macros::{btf_tracepoint, tracepoint},
    programs::{BtfTracePointContext, TracePointContext},
};
use oomtrace_common::{
    event::{Arguments, MarkVictim},
    layout::ABSENT,
};

use crate::{
    context::{argument, pointer_argument},
    emit::emit,
    kernel::{
        arguments,
        layout::slot,
        memcg,
        read::{Address, Probed, Shallow},
        stack, task,
    },
    kills, pass,
};

#[btf_tracepoint]
fn mark_victim_tp_btf(ctx: BtfTracePointContext) -> u32 {
    if slot!(arg_mark_victim_task) != ABSENT {
        mark(&ctx, Some(pointer_argument(&ctx, slot!(arg_mark_victim_task))), 0);
    } else {
        mark(&ctx, None, argument(&ctx, slot!(arg_mark_victim_pid)) as i32);
    }
    0
}

/// For kernels that reject BTF tracepoints. The record contains the pid, but no pointer.
#[tracepoint]
fn mark_victim_tracepoint(ctx: TracePointContext) -> u32 {
    let offset = slot!(event_mark_victim_pid) as usize;
    // SAFETY: the offset comes from the event's format file, and the helper checks the address.
    if let Ok(tid) = unsafe { ctx.read_at::<i32>(offset) } {
        mark(&ctx, None, tid);
    }
    0
}

#[inline(always)]
fn mark<C: EbpfContext>(context: &C, victim: Option<Address>, tid: i32) {
    let mut entry_ns = 0;
    match pass::current() {
        // While a victim dies, its threads come here one by one. Its kill was already sent, so these marks are only counted.
        Some(pass) if pass.trigger_was_victim != 0 && pass.chosen == 0 => {
            pass.repeated_marks += 1;
            return;
        }
        Some(pass) => {
            pass.announce();
            pass.marks += 1;
            entry_ns = pass.entry_ns;
        }
        None => emit_surroundings(victim),
    }
    let sent = emit::<MarkVictim>(entry_ns, |out| {
        task::copy::<Probed>(task::current(), &mut out.trigger);
        match victim {
            Some(victim) => task::copy::<Shallow>(victim, &mut out.victim),
            None => out.victim.tid = tid,
        }
    });
    if entry_ns == 0 {
        kills::mark_alone(victim, tid, sent);
        stack::send_once(context);
    } else {
        kills::mark(sent);
    }
}

/// Sends what is known besides the victim if the other hooks are missing: the victim's arguments, and the cgroups above the
/// trigger and above the victim. The domain is one of these cgroups, or the machine.
#[inline(always)]
fn emit_surroundings(victim: Option<Address>) {
    if let Some(victim) = victim
        && arguments::are_here::<Shallow>(victim)
    {
        emit::<Arguments>(0, |out| arguments::copy::<Shallow>(victim, out));
    }
    let trigger = memcg::around_task(task::current());
    memcg::emit_path(trigger, 0, (0, 0));
    if let Some(victim) = victim {
        memcg::emit_path(memcg::around_task(victim), 0, (memcg::id::<Probed>(trigger), 0));
    }
}
