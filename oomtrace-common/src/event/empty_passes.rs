//! Passes through `out_of_memory` that killed nobody. There can be thousands a second (a `memory.max` write while
//! the victim dies; a cgroup with nothing to kill), so equal ones in a row are counted, not sent.

/// A run of equal empty passes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct EmptyPasses {
    /// Kernfs id of `oc->memcg`; 0 when it was not a cgroup.
    pub memcg: u64,
    /// `CLOCK_BOOTTIME` ns of the first pass.
    pub first_ns: u64,
    /// `CLOCK_BOOTTIME` ns of the last one counted here.
    pub last_ns: u64,
    /// Passes counted since `first_ns`.
    pub count: u64,
    /// An [`Emptiness`] by number.
    pub emptiness: u32,
    /// Trigger of the first: process id.
    pub pid: i32,
    /// Trigger of the first: thread id.
    pub tid: i32,
    /// `oc->order` of the first.
    pub order: i32,
    /// `oc->gfp_mask` of the first.
    pub gfp_mask: u32,
    /// Flags of [`super::OutOfMemory`] of the first.
    pub flags: u32,
    /// Tasks evaluated in the first.
    pub evaluated: u32,
    /// `oc->constraint` of the first.
    pub constraint: u32,
    /// `oc->totalpages` of the first; 0 where the pass ended before the domain was sized.
    pub total_pages: u64,
}

/// What passes of one run have in common: the key of the kernel's table of runs.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EmptyRun {
    /// Kernfs id of `oc->memcg`; 0 when it was not a cgroup.
    pub memcg: u64,
    /// An [`Emptiness`] by number.
    pub emptiness: u64,
}

/// A run in the kernel's table.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmptyPassesRun {
    /// As a frame would tell it now.
    pub passes: EmptyPasses,
    /// Entry time of the last pass that a frame told of.
    pub told_ns: u64,
}

/// Why a pass killed nobody, as its return value and `oc->chosen` tell.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emptiness {
    /// Returned false: nothing to kill, or the OOM killer is off.
    NothingToKill = 1,
    /// Returned true with `chosen` -1: an earlier victim is still dying.
    VictimDying = 2,
    /// Returned true, nothing chosen: freed by a notifier, or an allocation that may not kill.
    Nothing = 3,
    /// The trigger was a victim already and got reserves, or its like.
    TriggerDying = 4,
}
