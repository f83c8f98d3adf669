//! The stacks of the allocating task.

use crate::limits::{BUILD_ID_BYTES, KERNEL_CALLS, USER_CALLS};

/// Both stacks, with the innermost call first. The frame ends after the last user call that was copied.
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
    /// Number of bytes in `kernel`; negative if the kernel refused to copy the stack.
    pub kernel_bytes: i32,
    /// Number of bytes in `user`; negative if the kernel refused to copy the stack, as for a kernel thread.
    pub user_bytes: i32,
    /// Return addresses. The first calls are those of the eBPF program that read the stack.
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
    /// The build id of the file, padded with zeroes.
    pub build_id: [u8; BUILD_ID_BYTES],
    /// With [`UserCall::VALID`] an offset in the file, with [`UserCall::IP`] an address.
    pub place: u64,
}

impl UserCall {
    /// Build id and offset are known.
    pub const VALID: i32 = 1;
    /// Only the address is known.
    pub const IP: i32 = 2;
}

const _: () = assert!(size_of::<UserCall>() == 32);
