//! One pass through `out_of_memory`: who asked for what memory, and how the decision ended.

use super::Task;

/// The pass began. Sent when the pass first leads to something (a choice or a mark), so that passes that do nothing
/// cost no frame; the header's `pass` is the time of the entry itself.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct OutOfMemory {
    /// The task that asked for memory; for SysRq and the multi-gen LRU a kernel thread.
    pub trigger: Task,
    /// Kernfs id of `oc->memcg`, the cgroup whose limit was hit; 0 when the machine ran out.
    pub memcg: u64,
    /// Bits of [`OutOfMemory::MEMCG`] and its neighbours.
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
    /// `oc->zonelist` was set: the page allocator asked.
    pub const ZONELIST: u32 = 1 << 1;
    /// The trigger was inside a write to `memory.max`.
    pub const MEMORY_MAX_WRITE: u32 = 1 << 2;
}

/// The pass returned.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct OutOfMemoryReturn {
    /// `oc->totalpages`: size of the domain in pages, swap included.
    pub total_pages: u64,
    /// `oc->chosen_points`, in pages.
    pub points: i64,
    /// Tasks that `oom_evaluate_task` looked at.
    pub evaluated: u32,
    /// `oc->constraint`, an `enum oom_constraint` of the running kernel.
    pub constraint: u32,
    /// What `out_of_memory` returned: 1 for true.
    pub returned: u32,
    /// What `oc->chosen` was: [`OutOfMemoryReturn::CHOSEN_NONE`] and its neighbours.
    pub chosen: u32,
    /// [`super::KillProcess`] frames made (or lost) in this pass.
    pub kills: u32,
    /// [`super::MarkVictim`] frames made (or lost) in this pass.
    pub marks: u32,
    /// How long the pass took, in ns.
    pub duration_ns: u64,
}

impl OutOfMemoryReturn {
    /// `oc->chosen` was NULL.
    pub const CHOSEN_NONE: u32 = 0;
    /// `oc->chosen` was -1: an earlier victim is still dying.
    pub const CHOSEN_ABORTED: u32 = 1;
    /// `oc->chosen` was a task.
    pub const CHOSEN_TASK: u32 = 2;
}
