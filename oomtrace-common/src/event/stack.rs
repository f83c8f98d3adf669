//! The stacks of the task that asked for memory.

use crate::limits::{BUILD_ID_BYTES, KERNEL_CALLS, USER_CALLS};

/// Both stacks, the innermost call first. The frame ends with the last user call that was copied.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct Stack {
    /// Process id of the task.
    pub pid: i32,
    /// Its thread id.
    pub tid: i32,
    /// Bytes of `kernel`; negative if the kernel refused it.
    pub kernel_bytes: i32,
    /// Bytes of `user`; negative if the kernel refused it, as it does for a kernel thread.
    pub user_bytes: i32,
    /// Return addresses, from the program that read them on.
    pub kernel: [u64; KERNEL_CALLS],
    /// Calls in user space.
    pub user: [UserCall; USER_CALLS],
}

/// One call in user space: `struct bpf_stack_build_id`.
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/bpf.h#L1449>
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct UserCall {
    /// [`UserCall::VALID`] or [`UserCall::IP`].
    pub status: i32,
    /// The build id of the file, filled up with zeroes.
    pub build_id: [u8; BUILD_ID_BYTES],
    /// Offset in the file with [`UserCall::VALID`], an address with [`UserCall::IP`].
    pub place: u64,
}

impl UserCall {
    /// Build id and offset are known.
    pub const VALID: i32 = 1;
    /// Only the address is.
    pub const IP: i32 = 2;
}

const _: () = assert!(size_of::<UserCall>() == 32);
