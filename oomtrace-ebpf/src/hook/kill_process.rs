//! `void __oom_kill_process(struct task_struct *victim, const char *message)`: the kernel sends SIGKILL next, unless no thread of
//! the process has its memory any more.
//! <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L917>

use aya_ebpf::{
    macros::{fentry, kprobe},
    programs::{FEntryContext, ProbeContext},
};
use oomtrace_common::event::{Arguments, KillProcess};

use crate::{
    context::pointer_argument,
    emit::emit,
    kernel::{
        arguments,
        layout::slot,
        read::{Address, Probed, Read, Typed},
        task,
    },
    kills, pass,
};

#[fentry]
fn kill_process_fentry(ctx: FEntryContext) -> u32 {
    kill::<Typed>(pointer_argument(&ctx, slot!(arg_kill_process_victim)));
    0
}

#[kprobe]
fn kill_process_kprobe(ctx: ProbeContext) -> u32 {
    kill::<Probed>(pointer_argument(&ctx, slot!(arg_kill_process_victim)));
    0
}

#[inline(always)]
fn kill<R: Read>(victim: Address) {
    let Some(pass) = pass::current() else { return };
    kills::settle(pass);
    pass.kills += 1;
    // The arguments of the first victim were sent when the kernel chose it.
    if pass.kills > 1 && arguments::are_here::<R>(victim) {
        emit::<Arguments>(pass.entry_ns, |out| arguments::copy::<R>(victim, out));
    }
    pass.emit_path_of(victim);
    let sent = emit::<KillProcess>(pass.entry_ns, |out| task::copy::<R>(victim, &mut out.victim));
    kills::begin(pass, victim, sent);
}
