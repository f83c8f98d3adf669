//! Calls of bpf(2) that run a program on this thread, and one that creates a constant text for the program.

use std::{
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    ptr,
};

use libc::c_long;

use super::program::Instruction;

/// `enum bpf_cmd`, `enum bpf_prog_type` and a flag.
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/bpf.h>
const BPF_MAP_CREATE: c_long = 0;
const BPF_MAP_UPDATE_ELEM: c_long = 2;
const BPF_PROG_LOAD: c_long = 5;
const BPF_PROG_TEST_RUN: c_long = 10;
const BPF_MAP_FREEZE: c_long = 22;
const BPF_MAP_TYPE_ARRAY: u32 = 2;
/// Programs can only read the map.
const BPF_F_RDONLY_PROG: u32 = 1 << 7;
/// Since 5.14.
const BPF_PROG_TYPE_SYSCALL: u32 = 31;
/// Programs of that type need it, because they run where sleeping is allowed.
const BPF_F_SLEEPABLE: u32 = 1 << 4;

/// The attributes of [`BPF_PROG_LOAD`] that are needed here. The kernel takes the missing ones as zero.
#[repr(C)]
struct Load {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
}

/// The attributes of [`BPF_PROG_TEST_RUN`] that are needed here. For this type of program the kernel copies the context back to
/// its origin and rejects a `ctx_out`.
/// <https://github.com/torvalds/linux/blob/v6.12/net/bpf/test_run.c> (`bpf_prog_test_run_syscall`)
#[repr(C)]
struct TestRun {
    prog_fd: u32,
    retval: u32,
    data_size_in: u32,
    data_size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
    ctx_size_in: u32,
    ctx_size_out: u32,
    ctx_in: u64,
    ctx_out: u64,
}

/// The attributes of [`BPF_MAP_CREATE`] that are needed here.
#[repr(C)]
struct Create {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
}

/// The attributes of [`BPF_MAP_UPDATE_ELEM`]. [`BPF_MAP_FREEZE`] takes only the first one.
#[repr(C)]
struct Update {
    map_fd: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// Creates a map with one element that cannot be changed any more, so that the verifier treats it as a constant.
///
/// # Errors
/// The kernel's error.
pub(super) fn constant(text: &[u8; 8]) -> io::Result<OwnedFd> {
    let mut create = Create {
        map_type: BPF_MAP_TYPE_ARRAY,
        key_size: 4,
        value_size: 8,
        max_entries: 1,
        map_flags: BPF_F_RDONLY_PROG,
    };
    // SAFETY: no pointers.
    let map = descriptor(unsafe { bpf(BPF_MAP_CREATE, &mut create) }?)?;
    let key = 0_u32;
    let map_fd = u32::try_from(map.as_raw_fd()).map_err(io::Error::other)?;
    let (key, value) = (address(&raw const key), address(text.as_ptr()));
    let mut update = Update { map_fd, padding: 0, key, value, flags: 0 };
    // SAFETY: key and value have the sizes that the map was created with, and live until the call returns.
    unsafe { bpf(BPF_MAP_UPDATE_ELEM, &mut update) }?;
    let mut freeze = map_fd;
    // SAFETY: no pointers.
    unsafe { bpf(BPF_MAP_FREEZE, &mut freeze) }?;
    Ok(map)
}

/// Loads a program.
///
/// # Errors
/// The kernel's error. The kernel may not know the type of program or a helper, or may not allow this process to use them.
pub(super) fn load(program: &[Instruction]) -> io::Result<OwnedFd> {
    // One of the helpers requires it.
    let license = c"Dual MIT/GPL";
    let mut attributes = Load {
        prog_type: BPF_PROG_TYPE_SYSCALL,
        insn_cnt: u32::try_from(program.len()).map_err(io::Error::other)?,
        insns: address(program.as_ptr()),
        license: address(license.as_ptr()),
        log_level: 0,
        log_size: 0,
        log_buf: 0,
        kern_version: 0,
        prog_flags: BPF_F_SLEEPABLE,
    };
    // SAFETY: `insns` points to `insn_cnt` instructions and `license` is a C string. Both live until the call returns, and the
    // kernel only reads them. No log is written.
    let returned = unsafe { bpf(BPF_PROG_LOAD, &mut attributes) }?;
    descriptor(returned)
}

/// The descriptor that a call has just created.
fn descriptor(returned: c_long) -> io::Result<OwnedFd> {
    let raw = i32::try_from(returned).map_err(io::Error::other)?;
    // SAFETY: these calls of the kernel return a new descriptor, which nothing else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Runs a program on the calling thread and returns its result. `context` is its context, where it also leaves its output.
///
/// # Errors
/// The kernel's error.
pub(super) fn run<const WORDS: usize>(program: &OwnedFd, context: &mut [u64; WORDS]) -> io::Result<i32> {
    let mut attributes = TestRun {
        prog_fd: u32::try_from(program.as_raw_fd()).map_err(io::Error::other)?,
        retval: 0,
        data_size_in: 0,
        data_size_out: 0,
        data_in: 0,
        data_out: 0,
        repeat: 0,
        duration: 0,
        ctx_size_in: u32::try_from(size_of_val(context)).map_err(io::Error::other)?,
        ctx_size_out: 0,
        ctx_in: address(context.as_mut_ptr()),
        ctx_out: 0,
    };
    // SAFETY: `ctx_in` points to `ctx_size_in` writable bytes that live until the call returns. All other pointers are null.
    unsafe { bpf(BPF_PROG_TEST_RUN, &mut attributes) }?;
    // What the kernel wrote is visible here, because the pointer was exposed.
    Ok(attributes.retval.cast_signed())
}

/// A pointer in the form that the kernel takes.
fn address<T>(pointer: *const T) -> u64 {
    // The pointer is exposed, so that what the kernel writes through the number is visible. Linux runs on no machine whose
    // `usize` has more than 64 bits.
    u64::try_from(pointer.expose_provenance()).unwrap_or(0)
}

/// bpf(2).
///
/// # Safety
/// The memory that the pointers in `attributes` refer to must be valid for the command until this returns.
unsafe fn bpf<T>(command: c_long, attributes: &mut T) -> io::Result<c_long> {
    // SAFETY: the kernel reads and writes `attributes` within the given size. The caller guarantees the rest, see above.
    let returned =
        unsafe { libc::syscall(libc::SYS_bpf, command, ptr::from_mut(attributes), size_of::<T>()) };
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(returned) }
}
