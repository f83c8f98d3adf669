//! Two ways to read a field of a kernel structure at an offset that is known only at load time.
//!
//! Both return a status and not an `Option`. The status is 0 if the field was read. It is negative if the kernel has no such
//! field or the address is invalid; the value is then 0. Statuses are joined with `|`, so that a reader of twenty fields has no
//! branches. With one branch per field, the verifier would walk the same code a hundred thousand times.

use core::mem::MaybeUninit;

use aya_ebpf::{cty::c_void, helpers::generated::bpf_probe_read_kernel};
use oomtrace_common::layout::ABSENT;

/// A kernel address. The verifier may know its type.
pub(crate) type Address = *const c_void;

/// A number as an address. Global functions get addresses as numbers.
#[inline(always)]
pub(crate) fn at(address: u64) -> Address {
    core::ptr::without_provenance(address as usize)
}

/// The status of a field that the kernel does not have.
pub(crate) const NOTHING: i64 = -1;

/// The type of a field: any bits are a valid value.
pub(crate) trait Plain: Copy + Default {}

impl Plain for u8 {}
impl Plain for i16 {}
impl Plain for u32 {}
impl Plain for i32 {}
impl Plain for u64 {}
impl Plain for i64 {}

/// A way to read through a pointer. `copy` and `follow` are for required slots: user space does not load the programs if one of
/// them is absent. They do not check the slot, so that the verifier has fewer paths to walk.
pub(crate) trait Read {
    /// The way to read through the pointer that [`Read::follow`] returns.
    type Behind: Read;

    /// Copies the `T` at `base + offset` to `out`, and returns the status.
    fn copy<T: Plain>(base: Address, offset: u32, out: &mut T) -> i64;

    /// Returns the pointer at `base + offset`, which is to be read with [`Read::Behind`].
    fn follow(base: Address, offset: u32) -> Address;

    /// Copies like [`Read::copy`], from a slot that may be [`ABSENT`].
    #[inline(always)]
    fn copy_optional<T: Plain>(base: Address, offset: u32, out: &mut T) -> i64 {
        if offset == ABSENT { NOTHING } else { Self::copy(base, offset, out) }
    }
}

/// A plain load. The verifier knows the type behind `base`: it is an argument of a `fentry` or `tp_btf` program, or was loaded
/// through one. The verifier checks the offset against the kernel's own BTF. A load from an invalid address returns 0.
pub(crate) enum Typed {}

/// For `tp_btf` programs: plain loads of the argument's own fields, and checked copies of the memory behind its pointers.
///
/// The arguments of such programs are trusted. For each pointer loaded through a trusted pointer, the verifier searches for types
/// such as `task_struct__safe_rcu`, and reads BTF from its beginning several times. This took most of the start.
/// <https://github.com/torvalds/linux/blob/v6.12/kernel/bpf/verifier.c> (`check_ptr_to_btf_access`)
pub(crate) enum Shallow {}

/// A checked copy with `bpf_probe_read_kernel`, for pointers whose type the verifier does not know.
pub(crate) enum Probed {}

impl Read for Typed {
    type Behind = Self;

    #[inline(always)]
    fn copy<T: Plain>(base: Address, offset: u32, out: &mut T) -> i64 {
        if base.is_null() {
            return NOTHING;
        }
        // SAFETY: the verifier rejects the program unless this load is inside the object at `base`.
        *out = unsafe { core::ptr::read_volatile(base.cast::<u8>().add(offset as usize).cast::<T>()) };
        0
    }

    #[inline(always)]
    fn follow(base: Address, offset: u32) -> Address {
        if base.is_null() {
            return core::ptr::null();
        }
        // SAFETY: the verifier rejects the program unless this load is inside the object at `base`. It then knows the field's
        // type.
        unsafe { core::ptr::read_volatile(base.cast::<u8>().add(offset as usize).cast::<Address>()) }
    }
}

impl Read for Shallow {
    type Behind = Probed;

    #[inline(always)]
    fn copy<T: Plain>(base: Address, offset: u32, out: &mut T) -> i64 {
        Typed::copy(base, offset, out)
    }

    #[inline(always)]
    fn follow(base: Address, offset: u32) -> Address {
        Probed::follow(base, offset)
    }
}

impl Read for Probed {
    type Behind = Self;

    #[inline(always)]
    fn copy<T: Plain>(base: Address, offset: u32, out: &mut T) -> i64 {
        let from = base.cast::<u8>().wrapping_add(offset as usize);
        // SAFETY: the helper writes `size_of::<T>()` bytes to `out`, or zeroes if the address is invalid or NULL. Any bits are a
        // valid `T`.
        unsafe { bpf_probe_read_kernel((&raw mut *out).cast(), const { size_of::<T>() as u32 }, from.cast()) }
    }

    #[inline(always)]
    fn follow(base: Address, offset: u32) -> Address {
        let (address, _) = value::<Self, u64>(base, offset);
        core::ptr::without_provenance(address as usize)
    }
}

/// Fills `out` from `base + offset`, or with zeroes if the address is invalid, and returns the status.
#[inline(always)]
pub(crate) fn probe<T: Plain, const N: usize>(
    base: Address,
    offset: u32,
    out: &mut MaybeUninit<[T; N]>,
) -> i64 {
    let from = base.cast::<u8>().wrapping_add(offset as usize);
    // SAFETY: the helper writes all of `out` and nothing else. Any bits are a valid `T`.
    unsafe {
        bpf_probe_read_kernel(out.as_mut_ptr().cast(), const { size_of::<[T; N]>() as u32 }, from.cast())
    }
}

/// Returns a field's value and the status. The value is 0 if the field was not read.
#[inline(always)]
pub(crate) fn value<R: Read, T: Plain>(base: Address, offset: u32) -> (T, i64) {
    let mut value = T::default();
    let status = R::copy(base, offset, &mut value);
    (value, status)
}

/// Returns `bit` if the joined statuses say that all fields were read, and 0 otherwise. This is computed without a branch.
#[inline(always)]
pub(crate) fn present(bit: u32, status: i64) -> u32 {
    bit & !((status >> 63) as u32)
}
