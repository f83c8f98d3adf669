//! `struct oom_control`: the input and the result of `out_of_memory`.

use super::{
    Requirement,
    Shape::{Enum, Pointer, Signed, Unsigned},
    member, slot,
};

/// `struct oom_control`. <https://github.com/torvalds/linux/blob/v6.12/include/linux/oom.h#L29>
pub(super) const SLOTS: &[Requirement] = &[
    slot!(oom_control_zonelist, Decision, [member("oom_control", "zonelist", Pointer("zonelist"))]),
    slot!(oom_control_memcg, Decision, [member("oom_control", "memcg", Pointer("mem_cgroup"))]),
    slot!(oom_control_gfp_mask, Decision, [member("oom_control", "gfp_mask", Unsigned(4))]),
    // Signed: -1 is SysRq-f.
    slot!(oom_control_order, Decision, [member("oom_control", "order", Signed(4))]),
    slot!(oom_control_totalpages, Decision, [member("oom_control", "totalpages", Unsigned(8))]),
    slot!(oom_control_chosen, Decision, [member("oom_control", "chosen", Pointer("task_struct"))]),
    // Unsigned, and on another scale, until 5.8: commit 9066e5cfb73c. Such a kernel is rejected, so that it is not misread.
    slot!(oom_control_chosen_points, Decision, [member("oom_control", "chosen_points", Signed(8))]),
    slot!(oom_control_constraint, Decision, [member("oom_control", "constraint", Enum(4))]),
    // Proposed with `bpf_oom_ops`, in no release up to 7.3.
    slot!(oom_control_bpf_memory_freed, Optional, [member("oom_control", "bpf_memory_freed", Unsigned(1))]),
];
