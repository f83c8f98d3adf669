//! Programs whose purpose is to kill when memory is short. They may begin with SIGTERM. That of another
//! sender is reported only within two seconds after an OOM kill.

use aya_ebpf::{
    helpers::generated::bpf_probe_read_kernel_str,
    macros::map,
    maps::{Array, HashMap, LruHashMap},
};
use oomtrace_common::limits::{COMM_BYTES, KILLER_NAMES, SIGTERM_WAIT_NS, TERMINATED};

use crate::{
    emit::now,
    kernel::{
        layout::slot,
        read::{Address, Probed, Read as _},
        task,
    },
};

/// Their names, filled with zeroes. User space writes them before it says that it is armed.
#[map]
static KILLERS_NAMED: HashMap<[u8; COMM_BYTES], u8> = HashMap::with_max_entries(KILLER_NAMES, 0);

/// The processes that such a program told to exit, by pid. The value is the start of the process: its pid may be used again.
#[map]
static TOLD_TO_EXIT: LruHashMap<u32, u64> = LruHashMap::with_max_entries(TERMINATED, 0);

/// Time of the last SIGTERM by such a program, `CLOCK_BOOTTIME` ns.
#[map]
static LAST_SIGTERM: Array<u64> = Array::with_max_entries(1, 0);

/// Whether the current task is such a program, by its name or that of its process.
#[inline(always)]
pub(crate) fn is_current() -> bool {
    let task = task::current();
    is_named(task) || is_named(Probed::follow(task, slot!(task_struct_group_leader)))
}

#[inline(always)]
fn is_named(task: Address) -> bool {
    let mut name = [0_u8; COMM_BYTES];
    let comm = task.cast::<u8>().wrapping_add(slot!(task_struct_comm) as usize);
    // SAFETY: the helper checks the address and writes at most the bytes of the array. It stops at the NUL, after which a kernel may
    // have left bytes of an earlier name.
    let copied = unsafe {
        bpf_probe_read_kernel_str(name.as_mut_ptr().cast(), const { COMM_BYTES as u32 }, comm.cast())
    };
    copied > 1 && KILLERS_NAMED.get_ptr(name).is_some()
}

/// Records that such a program told a process to exit, so that its exit is sent.
#[inline(always)]
pub(crate) fn await_exit(pid: u32, start_boot_ns: u64) {
    let _ = TOLD_TO_EXIT.insert(pid, start_boot_ns, 0);
    if let Some(last) = LAST_SIGTERM.get_ptr_mut(0) {
        // SAFETY: this is a valid map value. With several writers, the result is the time of one of them.
        unsafe { *last = now() };
    }
}

/// Whether the exit of a process may have to be sent. This is cheap as long as no such program has sent SIGTERM.
#[inline(always)]
pub(crate) fn may_await() -> bool {
    let Some(last) = LAST_SIGTERM.get_ptr(0) else { return false };
    // SAFETY: this is a valid map value.
    let last = unsafe { *last };
    last != 0 && now().saturating_sub(last) < SIGTERM_WAIT_NS
}

/// Whether such a program told this process to exit.
#[inline(always)]
pub(crate) fn is_awaited(pid: u32, start_boot_ns: u64) -> bool {
    let Some(start) = TOLD_TO_EXIT.get_ptr(pid) else { return false };
    // SAFETY: this is an element of the map. If another process has taken its place meanwhile, the value is another start.
    unsafe { *start == start_boot_ns }
}
