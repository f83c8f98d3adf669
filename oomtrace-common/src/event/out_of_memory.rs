//! One pass through `out_of_memory`: the requested allocation, and the end of the decision.

use super::Task;

/// The start of a pass. The kernel side sends it when the pass first chooses or marks a task, so that an empty pass costs no
/// frame. `pass` in the header is the time of the entry.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct OutOfMemory {
    /// The allocating task. For SysRq and the multi-gen LRU it is a kernel thread.
    pub trigger: Task,
    /// Kernfs id of `oc->memcg`, the cgroup that reached its limit; 0 if the machine ran out of memory.
    pub memcg: u64,
    /// Bits such as [`OutOfMemory::MEMCG`].
    pub flags: u32,
    /// `oc->gfp_mask`.
    pub gfp_mask: u32,
    /// `oc->order`; -1 for SysRq.
    pub order: i32,
    /// Always 0.
    pub reserved: u32,
}

impl OutOfMemory {
    /// `oc->memcg` was set.
    pub const MEMCG: u32 = 1 << 0;
    /// `oc->zonelist` was set: the call came from the page allocator.
    pub const ZONELIST: u32 = 1 << 1;
    /// The trigger was writing to `memory.max`.
    pub const MEMORY_MAX_WRITE: u32 = 1 << 2;
}

/// The return of a pass.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct OutOfMemoryReturn {
    /// `oc->totalpages`: size of the domain in pages, including swap.
    pub total_pages: u64,
    /// `oc->chosen_points`, in pages.
    pub points: i64,
    /// Number of tasks that `oom_evaluate_task` examined.
    pub evaluated: u32,
    /// `oc->constraint`, an `enum oom_constraint` of the running kernel.
    pub constraint: u32,
    /// The return value of `out_of_memory`: 1 for true.
    pub returned: u32,
    /// The value of `oc->chosen`: [`OutOfMemoryReturn::CHOSEN_NONE`], [`OutOfMemoryReturn::CHOSEN_ABORTED`] or
    /// [`OutOfMemoryReturn::CHOSEN_TASK`].
    pub chosen: u32,
    /// Number of [`super::KillProcess`] frames of this pass, including lost ones.
    pub kills: u32,
    /// Number of [`super::MarkVictim`] frames of this pass, including lost ones.
    pub marks: u32,
    /// Duration of the pass in ns.
    pub duration_ns: u64,
    /// `oc->bpf_memory_freed`: 1 if a BPF program freed memory or chose the victim; 0 if not, or if the kernel has no
    /// such programs.
    pub bpf_memory_freed: u32,
    /// Always 0.
    pub reserved: u32,
}

impl OutOfMemoryReturn {
    /// `oc->chosen` was NULL.
    pub const CHOSEN_NONE: u32 = 0;
    /// `oc->chosen` was -1: an earlier victim is still dying.
    pub const CHOSEN_ABORTED: u32 = 1;
    /// `oc->chosen` was a task.
    pub const CHOSEN_TASK: u32 = 2;
}
