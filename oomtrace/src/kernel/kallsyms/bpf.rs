//! The two calls of bpf(2) that run a program once, on this thread.

use std::{
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    ptr,
};

use libc::c_long;

use super::program::Instruction;

/// `enum bpf_cmd`, `enum bpf_prog_type` and a flag.
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/bpf.h>
const BPF_PROG_LOAD: c_long = 5;
const BPF_PROG_TEST_RUN: c_long = 10;
/// Since 5.14.
const BPF_PROG_TYPE_SYSCALL: u32 = 31;
/// Programs of that type must have it: they run where it is allowed to sleep.
const BPF_F_SLEEPABLE: u32 = 1 << 4;

/// What [`BPF_PROG_LOAD`] takes, as far as it is needed here: the kernel takes what is missing as zeroes.
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

/// What [`BPF_PROG_TEST_RUN`] takes, likewise. Of a program of this type the kernel copies the context back to where it
/// came from, and refuses a `ctx_out`.
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

/// Loads a program whose context is 8 bytes.
///
/// # Errors
/// The kernel's, which may not know the type of program, or a helper, or may not trust us with them.
pub(super) fn load(program: &[Instruction]) -> io::Result<OwnedFd> {
    // Not that the helper asks for it.
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
    // SAFETY: `insns` are as many instructions as `insn_cnt` says and `license` is a C string, both alive until the call
    // returns; the kernel reads them and no more. There is no log to write.
    let returned = unsafe { bpf(BPF_PROG_LOAD, &mut attributes) }?;
    let raw = i32::try_from(returned).map_err(io::Error::other)?;
    // SAFETY: this call of the kernel returns a new descriptor, which nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Runs it on the calling thread; what it returned, and what it left in its context.
///
/// # Errors
/// The kernel's.
pub(super) fn run(program: &OwnedFd) -> io::Result<(i32, u64)> {
    let mut context = 0_u64;
    let mut attributes = TestRun {
        prog_fd: u32::try_from(program.as_raw_fd()).map_err(io::Error::other)?,
        retval: 0,
        data_size_in: 0,
        data_size_out: 0,
        data_in: 0,
        data_out: 0,
        repeat: 0,
        duration: 0,
        ctx_size_in: 8,
        ctx_size_out: 0,
        ctx_in: address(&raw mut context),
        ctx_out: 0,
    };
    // SAFETY: `ctx_in` is `ctx_size_in` bytes that are ours to be written, alive until the call returns; all other
    // pointers are null.
    unsafe { bpf(BPF_PROG_TEST_RUN, &mut attributes) }?;
    // The kernel's writing is seen here: the pointer was exposed.
    Ok((attributes.retval.cast_signed(), context))
}

/// A pointer as the kernel takes it.
fn address<T>(pointer: *const T) -> u64 {
    // Exposed, so that what the kernel writes through the number is seen. No machine that Linux runs on has a `usize` of
    // more than 64 bits.
    u64::try_from(pointer.expose_provenance()).unwrap_or(0)
}

/// bpf(2).
///
/// # Safety
/// What the pointers in `attributes` lead to must be as the command wants it, until this returns.
unsafe fn bpf<T>(command: c_long, attributes: &mut T) -> io::Result<c_long> {
    // SAFETY: the kernel reads and writes `attributes` within the size that it is told; for what is beyond, see above.
    let returned =
        unsafe { libc::syscall(libc::SYS_bpf, command, ptr::from_mut(attributes), size_of::<T>()) };
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(returned) }
}
