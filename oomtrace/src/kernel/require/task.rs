//! Tasks: their identity, and the memory that determines their badness.

use super::{
    Place, Requirement,
    Shape::{Comm, Pointer, Signed, Struct, Structs, Unsigned},
    member, slot,
};

/// `struct task_struct`, `signal_struct`, `mm_struct`, `pid`, `upid`, `cred`, `kernel_siginfo`.
pub(super) const SLOTS: &[Requirement] = &[
    slot!(task_struct_flags, Always, [member("task_struct", "flags", Unsigned(4))]),
    slot!(task_struct_mm, Always, [member("task_struct", "mm", Pointer("mm_struct"))]),
    slot!(task_struct_pid, Always, [member("task_struct", "pid", Signed(4))]),
    slot!(task_struct_tgid, Always, [member("task_struct", "tgid", Signed(4))]),
    slot!(task_struct_group_leader, Always, [member("task_struct", "group_leader", Pointer("task_struct"))]),
    slot!(task_struct_real_parent, Optional, [member("task_struct", "real_parent", Pointer("task_struct"))]),
    slot!(task_struct_vfork_done, Optional, [member("task_struct", "vfork_done", Pointer("completion"))]),
    slot!(task_struct_thread_pid, Optional, [member("task_struct", "thread_pid", Pointer("pid"))]),
    // `real_start_time` until 5.4; renamed in 5.5, commit cf25e24db61c.
    slot!(
        task_struct_start_boottime,
        Always,
        [
            member("task_struct", "start_boottime", Unsigned(8)),
            member("task_struct", "real_start_time", Unsigned(8)),
        ]
    ),
    slot!(task_struct_real_cred, Optional, [member("task_struct", "real_cred", Pointer("cred"))]),
    slot!(task_struct_comm, Always, [member("task_struct", "comm", Comm)]),
    slot!(task_struct_signal, Always, [member("task_struct", "signal", Pointer("signal_struct"))]),
    slot!(task_struct_cgroups, Always, [member("task_struct", "cgroups", Pointer("css_set"))]),
    slot!(signal_struct_oom_score_adj, Always, [member("signal_struct", "oom_score_adj", Signed(2))]),
    slot!(signal_struct_oom_mm, Optional, [member("signal_struct", "oom_mm", Pointer("mm_struct"))]),
    slot!(signal_struct_oom_flag_origin, Optional, [member("signal_struct", "oom_flag_origin", Unsigned(1))]),
    // `PIDTYPE_TGID` since 4.19, commit 6883f81aac6f.
    slot!(
        signal_struct_pids_tgid,
        Optional,
        [member("signal_struct", "pids[pid_type:PIDTYPE_TGID]", Pointer("pid"))]
    ),
    slot!(signal_struct_live, Optional, [member("signal_struct", "live.counter", Signed(4))]),
    slot!(mm_struct_total_vm, Always, [member("mm_struct", "total_vm", Unsigned(8))]),
    slot!(mm_struct_pgtables_bytes, Always, [member("mm_struct", "pgtables_bytes.counter", Signed(8))]),
    // `struct mm_rss_stat { atomic_long_t count[] }` until 6.1; an array of per-CPU counters since 6.2, commit
    // f1a7941243c1.
    slot!(
        mm_struct_rss_file,
        Always,
        [
            member("mm_struct", "rss_stat[MM_FILEPAGES].count", Signed(8)),
            member("mm_struct", "rss_stat.count[MM_FILEPAGES].counter", Signed(8)),
        ]
    ),
    slot!(
        mm_struct_rss_anon,
        Always,
        [
            member("mm_struct", "rss_stat[MM_ANONPAGES].count", Signed(8)),
            member("mm_struct", "rss_stat.count[MM_ANONPAGES].counter", Signed(8)),
        ]
    ),
    slot!(
        mm_struct_rss_swap,
        Always,
        [
            member("mm_struct", "rss_stat[MM_SWAPENTS].count", Signed(8)),
            member("mm_struct", "rss_stat.count[MM_SWAPENTS].counter", Signed(8)),
        ]
    ),
    slot!(
        mm_struct_rss_shmem,
        Always,
        [
            member("mm_struct", "rss_stat[MM_SHMEMPAGES].count", Signed(8)),
            member("mm_struct", "rss_stat.count[MM_SHMEMPAGES].counter", Signed(8)),
        ]
    ),
    // Absent until 6.1 (see above), and on a kernel built for one CPU.
    slot!(
        mm_struct_rss_percpu,
        Optional,
        [Place::Distance {
            of: "mm_struct",
            from: "rss_stat[MM_FILEPAGES].count",
            to: "rss_stat[MM_FILEPAGES].counters",
            shape: Pointer("int"),
        }]
    ),
    slot!(mm_struct_arg_start, Optional, [member("mm_struct", "arg_start", Unsigned(8))]),
    slot!(mm_struct_arg_end, Optional, [member("mm_struct", "arg_end", Unsigned(8))]),
    // A number until 6.17; a bitmap that begins with the same 64 bits since 6.18 (`mm_flags_t`).
    slot!(
        mm_struct_flags,
        Optional,
        [member("mm_struct", "flags", Struct), member("mm_struct", "flags", Unsigned(8))]
    ),
    slot!(pid_level, Optional, [member("pid", "level", Unsigned(4))]),
    // `upid[1]` in older kernels; a flexible array since 6.5, commit b69f0aeb0689, and in stable trees.
    slot!(pid_numbers, Optional, [member("pid", "numbers", Structs)]),
    slot!(upid_nr, Optional, [member("upid", "nr", Signed(4))]),
    slot!(upid_size, Optional, [Place::Size { of: "upid" }]),
    slot!(cred_uid, Optional, [member("cred", "uid.val", Unsigned(4))]),
    // `struct siginfo` until 4.19; separate from user space's struct since 4.20, commit ae7795bc6187.
    slot!(kernel_siginfo_si_code, Optional, [member("kernel_siginfo", "si_code", Signed(4))]),
];
