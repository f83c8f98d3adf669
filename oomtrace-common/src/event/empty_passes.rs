//! Passes through `out_of_memory` that killed no process. There can be thousands per second: a `memory.max` write while the
//! victim dies, or a cgroup with nothing to kill. The kernel side therefore counts equal passes in a row and does not send each
//! of them.

/// A run of equal empty passes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct EmptyPasses {
    /// Kernfs id of `oc->memcg`; 0 if the domain was not a cgroup.
    pub memcg: u64,
    /// `CLOCK_BOOTTIME` ns of the first pass.
    pub first_ns: u64,
    /// `CLOCK_BOOTTIME` ns of the last pass that is counted here.
    pub last_ns: u64,
    /// Number of passes since `first_ns`.
    pub count: u64,
    /// The number of an [`Emptiness`].
    pub emptiness: u32,
    /// Process id of the first pass's trigger.
    pub pid: i32,
    /// Thread id of the first pass's trigger.
    pub tid: i32,
    /// `oc->order` of the first pass.
    pub order: i32,
    /// `oc->gfp_mask` of the first pass.
    pub gfp_mask: u32,
    /// Flags of [`super::OutOfMemory`] of the first pass.
    pub flags: u32,
    /// Number of tasks that the kernel evaluated in the first pass.
    pub evaluated: u32,
    /// `oc->constraint` of the first pass.
    pub constraint: u32,
    /// `oc->totalpages` of the first pass; 0 if the pass ended before the kernel computed the size of the domain.
    pub total_pages: u64,
}

/// The common properties of the passes of one run: the key in the kernel side's table of runs.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EmptyRun {
    /// Kernfs id of `oc->memcg`; 0 if the domain was not a cgroup.
    pub memcg: u64,
    /// The number of an [`Emptiness`].
    pub emptiness: u64,
}

/// A run in the kernel side's table.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmptyPassesRun {
    /// The current content of a frame.
    pub passes: EmptyPasses,
    /// Entry time of the last pass that sent a frame.
    pub told_ns: u64,
}

/// The reason why a pass killed no process, from its return value and `oc->chosen`.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emptiness {
    /// The pass returned false: there was nothing to kill, or the OOM killer is off.
    NothingToKill = 1,
    /// The pass returned true with `chosen` -1: an earlier victim is still dying.
    VictimDying = 2,
    /// The pass returned true and chose no task: a notifier freed memory, or the allocation may not kill.
    Nothing = 3,
    /// The trigger was already a victim: it got access to the reserves again, or the pass returned true without an evaluation.
    TriggerDying = 4,
    /// `oc->bpf_memory_freed` was set: a BPF program freed memory without a kill.
    BpfFreed = 5,
}
