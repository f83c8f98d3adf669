//! The arguments of the current process, in its own memory. A program cannot read the memory of other processes.

use aya_ebpf::helpers::generated::bpf_probe_read_user;
use oomtrace_common::{event::Arguments, layout::ABSENT, limits::ARGUMENTS_BYTES};

use super::{
    layout::slot,
    read::{Address, Probed, Read, value},
    task,
};

/// Whether the arguments of `task` can be copied: its memory is the memory of the current process.
#[inline(always)]
pub(crate) fn are_here<R: Read>(task: Address) -> bool {
    let mm = R::follow(task, slot!(task_struct_mm));
    slot!(mm_struct_arg_start) != ABSENT
        && slot!(mm_struct_arg_end) != ABSENT
        && !mm.is_null()
        && mm == Probed::follow(task::current(), slot!(task_struct_mm))
}

/// Copies the arguments, but no byte of the environment after them. The memory of `task` must be that of the current process.
#[inline(always)]
pub(crate) fn copy<R: Read>(task: Address, out: &mut Arguments) {
    R::copy(task, slot!(task_struct_tgid), &mut out.pid);
    R::copy(task, slot!(task_struct_pid), &mut out.tid);
    let leader = R::follow(task, slot!(task_struct_group_leader));
    Probed::copy(leader, slot!(task_struct_start_boottime), &mut out.start_boot_ns);
    let mm = R::follow(task, slot!(task_struct_mm));
    let (start, _) = value::<Probed, u64>(mm, slot!(mm_struct_arg_start));
    let (end, _) = value::<Probed, u64>(mm, slot!(mm_struct_arg_end));
    // During `execve`, the end is 0 until the stack is complete, and the environment follows the beginning.
    // <https://github.com/torvalds/linux/blob/v6.12/fs/exec.c> (`setup_arg_pages`)
    out.bytes = end.saturating_sub(start);
    let length = if out.bytes > ARGUMENTS_BYTES as u64 { ARGUMENTS_BYTES as u32 } else { out.bytes as u32 };
    // SAFETY: the helper writes at most `length` bytes, which fit into `text`, and checks the address. If the page is not in
    // memory, the helper reads nothing.
    let status = unsafe {
        bpf_probe_read_user(
            out.text.as_mut_ptr().cast(),
            length,
            core::ptr::without_provenance(start as usize),
        )
    };
    if status == 0 {
        out.text_bytes = length;
    }
}
