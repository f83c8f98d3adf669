//! The arguments of a hook, for all kinds of programs.

use core::arch::asm;

use aya_ebpf::{
    EbpfContext,
    programs::{BtfTracePointContext, FEntryContext, FExitContext, ProbeContext},
};

use crate::kernel::read::Address;

/// Reads one 64-bit word of a context at a constant offset.
///
/// This is an assembly instruction, because the compiler would merge the arms of [`argument`] into one load at a computed offset.
/// The verifier accepts only constant offsets into a context ("dereference of modified ctx ptr").
macro_rules! word {
    ($context:expr, $offset:expr) => {{
        let word: u64;
        // SAFETY: the verifier checks this load against the hook's prototype.
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

/// A context with arguments by position.
pub(crate) trait Arguments: EbpfContext {
    /// Byte offsets of the first six arguments in the context.
    const OFFSETS: [usize; 6];
}

/// The offsets in `fentry`, `fexit` and `tp_btf` contexts, which are arrays of 64-bit arguments.
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

/// The registers in `struct pt_regs` that contain the arguments.
/// <https://github.com/torvalds/linux/blob/v6.12/tools/lib/bpf/bpf_tracing.h#L96>
#[cfg(bpf_target_arch = "x86_64")]
impl Arguments for ProbeContext {
    const OFFSETS: [usize; 6] = [112, 104, 96, 88, 72, 64];
}

/// The registers in `struct user_pt_regs` that contain the arguments.
/// <https://github.com/torvalds/linux/blob/v6.12/tools/lib/bpf/bpf_tracing.h#L229>
#[cfg(bpf_target_arch = "aarch64")]
impl Arguments for ProbeContext {
    const OFFSETS: [usize; 6] = ARRAY;
}

/// Returns the argument at a position from the layout, or 0 if the position is absent. The verifier knows the position and
/// removes the other arms.
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

/// Returns the argument at a position from the layout as a pointer.
#[inline(always)]
pub(crate) fn pointer_argument<C: Arguments>(context: &C, position: u32) -> Address {
    core::ptr::without_provenance(argument(context, position) as usize)
}

/// Whether a pointer argument is null. The kernel passes null to some hooks whose prototypes do not say so.
///
/// This is an assembly instruction, because some verifiers (seen on 6.18) assume that the argument of a tracepoint is a valid
/// pointer. They treat a comparison with 0 as decided and drop the branch for null. They do not decide other comparisons.
#[inline(always)]
pub(crate) fn is_null(pointer: u64) -> bool {
    let is_null: u64;
    // SAFETY: the instructions compare a register with 1 and write another register.
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
