//! SysRq-f was requested: the kernel will run an OOM kill in a kernel worker (`moom_callback`).

use super::Task;

/// The request.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct SysrqOom {
    /// The task that wrote `f` to `/proc/sysrq-trigger`. `present` is 0 if the request came from a keyboard or a serial line, or
    /// if only the kernel's message was seen.
    pub requester: Task,
    /// [`SysrqOom::WRITTEN`], [`SysrqOom::INPUT`] or [`SysrqOom::PRINTED`].
    pub source: u32,
    /// Always 0.
    pub reserved: u32,
}

impl SysrqOom {
    /// A task wrote to `/proc/sysrq-trigger`.
    pub const WRITTEN: u32 = 1;
    /// The request came from a keyboard, a serial line or another input of the machine.
    pub const INPUT: u32 = 2;
    /// The kernel printed its message about the request; the source is not known.
    pub const PRINTED: u32 = 3;
}
