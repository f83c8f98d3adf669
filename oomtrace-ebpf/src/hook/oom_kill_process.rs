//! `void oom_kill_process(struct oom_control *oc, const char *message)`: the kernel has chosen `oc->chosen`. The chosen task may
//! already be dying.
//! <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L1012>

use aya_ebpf::{
    EbpfContext,
    helpers::bpf_probe_read_kernel_str_bytes,
    macros::{fentry, kprobe},
    programs::{FEntryContext, ProbeContext},
};
use oomtrace_common::event::{Arguments, OomKillProcess};

use crate::{
    context::pointer_argument,
    emit::emit,
    kernel::{
        arguments,
        layout::slot,
        read::{Address, Probed, Read, Typed},
        stack, swap, task, zones,
    },
    pass, table,
};

#[fentry]
fn oom_kill_process_fentry(ctx: FEntryContext) -> u32 {
    choose::<Typed, _>(
        &ctx,
        pointer_argument(&ctx, slot!(arg_oom_kill_process_oc)),
        pointer_argument(&ctx, slot!(arg_oom_kill_process_message)),
    );
    0
}

#[kprobe]
fn oom_kill_process_kprobe(ctx: ProbeContext) -> u32 {
    choose::<Probed, _>(
        &ctx,
        pointer_argument(&ctx, slot!(arg_oom_kill_process_oc)),
        pointer_argument(&ctx, slot!(arg_oom_kill_process_message)),
    );
    0
}

#[inline(always)]
fn choose<R: Read, C: EbpfContext>(context: &C, oc: Address, message: Address) {
    let Some(pass) = pass::current() else { return };
    let chosen = R::follow(oc, slot!(oom_control_chosen));
    pass.chosen = 1;
    pass.announce();
    if arguments::are_here::<R>(chosen) {
        emit::<Arguments>(pass.entry_ns, |out| arguments::copy::<R>(chosen, out));
    }
    pass.emit_path_of(chosen);
    emit::<OomKillProcess>(pass.entry_ns, |out| {
        task::copy::<R>(chosen, &mut out.chosen);
        R::copy(oc, slot!(oom_control_chosen_points), &mut out.points);
        R::copy(oc, slot!(oom_control_totalpages), &mut out.total_pages);
        R::copy(oc, slot!(oom_control_constraint), &mut out.constraint);
        out.evaluated = pass.evaluated;
        swap::copy(out);
        // SAFETY: the helper checks the address and ends the copy at a NUL or at the end of the buffer.
        let _ = unsafe { bpf_probe_read_kernel_str_bytes(message.cast(), &mut out.message) };
    });
    zones::send_memory_state(pass.oc, pass.entry_ns);
    stack::send(context, pass.entry_ns);
    table::send_table();
}
