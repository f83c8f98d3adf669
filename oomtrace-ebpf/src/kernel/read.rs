//! Two ways to read a field of a kernel structure at an offset that is only known at load time.
//!
//! Both answer with a status, not with an `Option`: 0 when the field was read, negative when there was nothing to read
//! (this kernel has no such field, or the address is no good), the value being 0 then. Statuses are joined with `|`,
//! so that a reader of twenty fields stays one straight line: a branch a field is what makes the verifier walk the
//! same code a hundred thousand times.

use core::mem::MaybeUninit;

use aya_ebpf::{cty::c_void, helpers::generated::bpf_probe_read_kernel};
use oomtrace_common::layout::ABSENT;

/// A kernel address, typed by the verifier or not.
pub(crate) type Address = *const c_void;

/// The status of a field that is not there.
pub(crate) const NOTHING: i64 = -1;

/// What a field may be: any bits are a value of it.
pub(crate) trait Plain: Copy + Default {}

impl Plain for u8 {}
impl Plain for i16 {}
impl Plain for u32 {}
impl Plain for i32 {}
impl Plain for u64 {}
impl Plain for i64 {}

/// How to read through a pointer. `copy` and `follow` are for slots that user space has resolved on every kernel it
/// lets this object run on; without a check each, the verifier has fewer paths to walk.
pub(crate) trait Read {
    /// How to read what [`Read::follow`] leads to.
    type Behind: Read;

    /// Copies the `T` at `base + offset` to `out`; status as above.
    fn copy<T: Plain>(base: Address, offset: u32, out: &mut T) -> i64;

    /// Likewise for a pointer, to be read with [`Read::Behind`].
    fn follow(base: Address, offset: u32) -> Address;

    /// Likewise, for a slot that may be [`ABSENT`].
    #[inline(always)]
    fn copy_optional<T: Plain>(base: Address, offset: u32, out: &mut T) -> i64 {
        if offset == ABSENT { NOTHING } else { Self::copy(base, offset, out) }
    }
}

/// A plain load: the verifier knows what `base` points to (an argument of a `fentry` or `tp_btf` program, or walked
/// from one), checks the offset against the kernel's own BTF, and makes a bad address read as 0.
pub(crate) enum Typed {}

/// A plain load of the fields of the argument itself, a checked copy of what is behind its pointers: for `tp_btf`
/// programs. Their arguments are trusted, and for each pointer loaded through a trusted one the verifier looks for types
/// such as `task_struct__safe_rcu`, several times by reading BTF from its beginning: it took most of the start.
/// <https://github.com/torvalds/linux/blob/v6.12/kernel/bpf/verifier.c> (`check_ptr_to_btf_access`)
pub(crate) enum Shallow {}

/// A checked copy by `bpf_probe_read_kernel`, for pointers the verifier knows nothing about.
pub(crate) enum Probed {}

impl Read for Typed {
    type Behind = Self;

    #[inline(always)]
    fn copy<T: Plain>(base: Address, offset: u32, out: &mut T) -> i64 {
        if base.is_null() {
            return NOTHING;
        }
        // SAFETY: the verifier refuses the program unless this load is inside the object `base` points to.
        *out = unsafe { core::ptr::read_volatile(base.cast::<u8>().add(offset as usize).cast::<T>()) };
        0
    }

    #[inline(always)]
    fn follow(base: Address, offset: u32) -> Address {
        if base.is_null() {
            return core::ptr::null();
        }
        // SAFETY: as above; the verifier takes over the type of the field.
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
        // SAFETY: the helper writes `size_of::<T>()` bytes to `out`, zeroes if the address (NULL included) is no good,
        // and any bits are a `T`.
        unsafe { bpf_probe_read_kernel((&raw mut *out).cast(), const { size_of::<T>() as u32 }, from.cast()) }
    }

    #[inline(always)]
    fn follow(base: Address, offset: u32) -> Address {
        let (address, _) = value::<Self, u64>(base, offset);
        core::ptr::without_provenance(address as usize)
    }
}

/// Copies as many bytes as `out` has from `base + offset`, zeroes where that is no good; status as above.
#[inline(always)]
pub(crate) fn probe<T: Plain, const N: usize>(
    base: Address,
    offset: u32,
    out: &mut MaybeUninit<[T; N]>,
) -> i64 {
    let from = base.cast::<u8>().wrapping_add(offset as usize);
    // SAFETY: the helper writes all of `out` and nothing else, and any bits are a `T`.
    unsafe {
        bpf_probe_read_kernel(out.as_mut_ptr().cast(), const { size_of::<[T; N]>() as u32 }, from.cast())
    }
}

/// A field's value (0 where there is none) and the status.
#[inline(always)]
pub(crate) fn value<R: Read, T: Plain>(base: Address, offset: u32) -> (T, i64) {
    let mut value = T::default();
    let status = R::copy(base, offset, &mut value);
    (value, status)
}

/// `bit`, if the joined statuses say that everything was read; computed, not branched on.
#[inline(always)]
pub(crate) fn present(bit: u32, status: i64) -> u32 {
    bit & !((status >> 63) as u32)
}
