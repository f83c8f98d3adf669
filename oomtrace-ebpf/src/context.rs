//! The arguments of a hook, whatever kind of program it is.

use core::arch::asm;

use aya_ebpf::{
    EbpfContext,
    programs::{BtfTracePointContext, FEntryContext, FExitContext, ProbeContext},
};

use crate::kernel::read::Address;

/// Reads one 64-bit word of a context at a constant offset.
///
/// An instruction of our own, because the compiler merges the arms of [`argument`] into one load at a computed offset,
/// and a context may not be indexed by anything but a constant ("dereference of modified ctx ptr").
macro_rules! word {
    ($context:expr, $offset:expr) => {{
        let word: u64;
        // SAFETY: a load that the verifier checks against the hook's prototype.
        unsafe {
            asm!(
                "{word} = *(u64 *)({context} + {offset})",
                word = out(reg) word,
                context = in(reg) $context.as_ptr(),
                offset = const $offset,
            );
        };
        word
    }};
}

/// A context that holds arguments by position.
pub(crate) trait Arguments: EbpfContext {
    /// Byte offset of the first six arguments in the context.
    const OFFSETS: [usize; 6];
}

/// `fentry`, `fexit` and `tp_btf` contexts are arrays of 64-bit arguments.
const ARRAY: [usize; 6] = [0, 8, 16, 24, 32, 40];

impl Arguments for FEntryContext {
    const OFFSETS: [usize; 6] = ARRAY;
}

impl Arguments for FExitContext {
    const OFFSETS: [usize; 6] = ARRAY;
}

impl Arguments for BtfTracePointContext {
    const OFFSETS: [usize; 6] = ARRAY;
}

/// The registers that carry arguments, in `struct pt_regs`.
/// <https://github.com/torvalds/linux/blob/v6.12/tools/lib/bpf/bpf_tracing.h#L96>
#[cfg(bpf_target_arch = "x86_64")]
impl Arguments for ProbeContext {
    const OFFSETS: [usize; 6] = [112, 104, 96, 88, 72, 64];
}

/// Likewise. <https://github.com/torvalds/linux/blob/v6.12/tools/lib/bpf/bpf_tracing.h#L229>
#[cfg(bpf_target_arch = "aarch64")]
impl Arguments for ProbeContext {
    const OFFSETS: [usize; 6] = ARRAY;
}

/// The argument at a position that the layout names, 0 where it names none. The arms of all other positions are dead
/// to the verifier.
#[inline(always)]
pub(crate) fn argument<C: Arguments>(context: &C, position: u32) -> u64 {
    match position {
        0 => word!(context, C::OFFSETS[0]),
        1 => word!(context, C::OFFSETS[1]),
        2 => word!(context, C::OFFSETS[2]),
        3 => word!(context, C::OFFSETS[3]),
        4 => word!(context, C::OFFSETS[4]),
        5 => word!(context, C::OFFSETS[5]),
        _ => 0,
    }
}

/// Likewise, as a pointer.
#[inline(always)]
pub(crate) fn pointer_argument<C: Arguments>(context: &C, position: u32) -> Address {
    core::ptr::without_provenance(argument(context, position) as usize)
}

/// Whether a pointer argument is null, where the kernel may pass such a one although its prototype does not say so.
///
/// An instruction of our own, because some verifiers (seen on 6.18) know that the argument of a tracepoint is a valid
/// pointer, take a test for equality with 0 as decided, and drop what would be done then. They decide no other test.
#[inline(always)]
pub(crate) fn is_null(pointer: u64) -> bool {
    let is_null: u64;
    // SAFETY: compares two registers and writes a third.
    unsafe {
        asm!(
            "{is_null} = 1",
            "if {pointer} < 1 goto +1",
            "{is_null} = 0",
            is_null = out(reg) is_null,
            pointer = in(reg) pointer,
        );
    }
    is_null != 0
}
