//! The check of the layout. The program is not attached. User space runs it once at the start, in its own context, and compares
//! the facts that it copied about the current task with procfs.

use aya_ebpf::{
    macros::{map, raw_tracepoint},
    maps::Array,
    programs::RawTracePointContext,
};
use oomtrace_common::event::Task;

use crate::kernel::{read::Probed, task};

#[map]
static SELF: Array<Task> = Array::with_max_entries(1, 0);

#[raw_tracepoint]
fn selfcheck(_ctx: RawTracePointContext) -> i32 {
    let Some(own) = SELF.get_ptr_mut(0) else { return 1 };
    // SAFETY: this is the only element of the map, and user space never runs this program twice at the same time.
    task::copy::<Probed>(task::current(), unsafe { &mut *own });
    0
}
