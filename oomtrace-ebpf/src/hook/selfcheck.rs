//! Not attached to anything: user space runs it once at start, in its own context, and compares what the layout made
//! of the current task with what procfs says.

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
    // SAFETY: the map's one element; user space runs this program once at a time.
    task::copy::<Probed>(task::current(), unsafe { &mut *own });
    0
}
