//! Traces that a tracer can leave in the kernel.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use oomtrace_scenarios::observation::Traces;
use oomtrace_scenarios::text::Text;

/// How long the kernel may take to free objects without references.
const SETTLING: Duration = Duration::from_secs(5);
/// `BPF_PROG_GET_NEXT_ID` of `enum bpf_cmd`
/// (<https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/bpf.h#L927>).
const PROG_GET_NEXT_ID: libc::c_long = 11;

/// The current traces.
pub(crate) fn traces() -> Traces {
    let tracing = |file: &str| fs::read_to_string(format!("/sys/kernel/tracing/{file}")).unwrap_or_default();
    let mut cgroups = Vec::new();
    collect_cgroups(Path::new("/sys/fs/cgroup"), &mut cgroups);
    Traces {
        bpf_programs: bpf_programs(),
        kprobe_events: tracing("kprobe_events"),
        enabled_functions: tracing("enabled_functions"),
        cgroups,
    }
}

/// The traces once they equal the earlier ones, or after a while. The kernel frees programs some time after their last
/// reference is dropped, without notice.
pub(crate) fn settled(before: &Traces) -> Traces {
    let deadline = Instant::now() + SETTLING;
    loop {
        let now = traces();
        if now == *before || Instant::now() >= deadline {
            return now;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// The ids of all BPF programs, read by asking for the next id until there is none.
pub(crate) fn bpf_programs() -> Vec<u32> {
    std::iter::successors(next_program(0), |&id| next_program(id)).collect()
}

fn next_program(after: u32) -> Option<u32> {
    // start_id, next_id, open_flags of `union bpf_attr`.
    let mut attr = [after, 0, 0];
    // SAFETY: the kernel reads and writes at most the given size, which is that of `attr`.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, PROG_GET_NEXT_ID, attr.as_mut_ptr(), size_of_val(&attr)) };
    let [_, next, _] = attr;
    (result == 0).then_some(next)
}

fn collect_cgroups(directory: &Path, found: &mut Vec<Text>) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        found.push(entry.path().as_os_str().as_bytes().into());
        collect_cgroups(&entry.path(), found);
    }
}
