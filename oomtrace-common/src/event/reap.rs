//! The OOM reaper at work on a victim; most victims exit before it comes.

/// One step of the reaper.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Reap {
    /// The marked task's thread id.
    pub tid: i32,
    /// [`Reap::START`], [`Reap::FINISH`] or [`Reap::SKIP`].
    pub step: u32,
}

impl Reap {
    /// `start_task_reaping`.
    pub const START: u32 = 1;
    /// `finish_task_reaping`.
    pub const FINISH: u32 = 2;
    /// `skip_task_reaping`: somebody else had taken it already.
    pub const SKIP: u32 = 3;
}
