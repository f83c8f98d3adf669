//! The output: the ring buffer, and the count of lost frames.

use core::arch::asm;

use aya_ebpf::{
    bindings::BPF_RB_AVAIL_DATA,
    helpers::{bpf_ktime_get_boot_ns, generated::bpf_probe_read_kernel},
    macros::map,
    maps::{Array, RingBuf},
};
use oomtrace_common::{
    frame::{FrameHeader, Kind, LOSS_SLOTS, Wire},
    limits::{RING_BYTES, RING_TABLE_BYTES},
};

#[map]
static RING: RingBuf = RingBuf::with_byte_size(RING_BYTES, 0);

/// Number of frames that did not fit into the ring, by kind.
#[map]
static LOST: Array<u64> = Array::with_max_entries(LOSS_SLOTS, 0);

/// The zeroes that clear a record in one copy. The compiler's `memset` would be a loop that the verifier walks byte by byte.
static ZEROES: [u8; 560] = [0; 560];

/// A frame as it lies in the ring.
#[repr(C)]
pub(crate) struct Framed<T> {
    pub(crate) header: FrameHeader,
    pub(crate) event: T,
}

/// Returns the time, `CLOCK_BOOTTIME` ns.
#[inline(always)]
pub(crate) fn now() -> u64 {
    // SAFETY: the helper takes no argument and returns a number.
    unsafe { bpf_ktime_get_boot_ns() }
}

/// Returns true: the record was sent. This is an assembly instruction, because the compiler would otherwise derive the result
/// from the record's address and compare the address with null twice. The verifier of 5.10 forgets between the comparisons that
/// the address is not null, and then does not see that the record is submitted.
#[inline(always)]
fn sent() -> bool {
    let answer: u64;
    // SAFETY: the instruction only sets a register.
    unsafe { asm!("{answer} = 1", answer = out(reg) answer, options(pure, nomem, nostack)) };
    answer != 0
}

/// Returns false: the record was not sent. See [`sent`].
#[inline(always)]
fn not_sent() -> bool {
    let answer: u64;
    // SAFETY: the instruction only sets a register.
    unsafe { asm!("{answer} = 0", answer = out(reg) answer, options(pure, nomem, nostack)) };
    answer != 0
}

/// Sends one event, or counts it as lost. Returns whether it was sent. The event is zeroed and then filled in place.
#[inline(always)]
pub(crate) fn emit<T: Wire + 'static>(pass: u64, fill: impl FnOnce(&mut T)) -> bool {
    emit_as(T::KIND.number(), pass, fill)
}

/// Sends one event like [`emit`], with the number of another kind that has the same payload.
#[inline(always)]
pub(crate) fn emit_as<T: Wire + 'static>(kind: u16, pass: u64, fill: impl FnOnce(&mut T)) -> bool {
    let Some(mut entry) = RING.reserve::<Framed<T>>(0) else {
        count_lost(u32::from(kind));
        return not_sent();
    };
    const { assert!(size_of::<Framed<T>>() <= ZEROES.len()) };
    let framed = entry.as_mut_ptr();
    // SAFETY: the entry belongs to this program until it is submitted, and it is large enough. All zeroes are a valid value of
    // `FrameHeader` and of every `Wire` type. Without the zeroes, the frame would contain bytes of an older record.
    let framed = unsafe {
        bpf_probe_read_kernel(framed.cast(), const { size_of::<Framed<T>>() as u32 }, ZEROES.as_ptr().cast());
        &mut *framed
    };
    framed.header =
        FrameHeader { kind, reserved: 0, len: const { size_of::<T>() as u32 }, boot_ns: now(), pass };
    fill(&mut framed.event);
    entry.submit(0);
    sent()
}

/// Sends a complete frame of `len` bytes, or counts it as lost. The rest of the ring is reserved for the frames of the kill
/// itself: if user space is behind, tables of candidates are lost first.
#[inline(always)]
pub(crate) fn copy_out(frame: *const u8, len: u64, kind: Kind) {
    let waiting = RING.query(u64::from(BPF_RB_AVAIL_DATA));
    // SAFETY: the frame is the caller's map value and has at least `len` bytes. The verifier checks this.
    let bytes = unsafe { core::slice::from_raw_parts(frame, len as usize) };
    if waiting > RING_TABLE_BYTES || RING.output::<[u8]>(bytes, 0).is_err() {
        count_lost(u32::from(kind.number()));
    }
}

/// Counts one lost frame of this kind, or one occurrence of another fact that has a slot.
#[inline(always)]
pub(crate) fn count_lost(kind: u32) {
    count_in(kind, 1);
}

/// Adds a number to a slot of the counters.
#[inline(always)]
pub(crate) fn count_in(slot: u32, number: u64) {
    if let Some(slot) = LOST.get_ptr_mut(slot) {
        // SAFETY: the slot is a valid, aligned map value.
        unsafe { add(slot, number) };
    }
}

/// Adds to a counter that several CPUs may write to. This is an assembly instruction, because `core` has no `fetch_add` for this
/// target and a plain `+=` would lose counts.
///
/// # Safety
///
/// The counter must be a valid, aligned map value.
#[inline(always)]
pub(crate) unsafe fn add(counter: *mut u64, number: u64) {
    // SAFETY: the caller guarantees that the counter is valid and aligned.
    unsafe {
        asm!("lock *(u64 *)({counter} + 0) += {number}", counter = in(reg) counter, number = in(reg) number);
    };
}
