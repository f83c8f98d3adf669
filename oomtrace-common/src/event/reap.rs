//! A step of the OOM reaper. Most victims exit before the reaper starts.

/// One step of the reaper.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Reap {
    /// Thread id of the marked task.
    pub tid: i32,
    /// [`Reap::START`], [`Reap::FINISH`] or [`Reap::SKIP`].
    pub step: u32,
}

impl Reap {
    /// `start_task_reaping`.
    pub const START: u32 = 1;
    /// `finish_task_reaping`.
    pub const FINISH: u32 = 2;
    /// `skip_task_reaping`: another task was already releasing the memory.
    pub const SKIP: u32 = 3;
}
