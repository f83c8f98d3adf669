//! What user space found out about the running kernel, as constants the verifier can see.

use oomtrace_common::layout::{KernelLayout, KernelValues};

/// Filled in and frozen by the loader before any program is loaded.
///
/// In a section that is named, because the compiler merges equal constants, and knows nothing of the loader: what was a `&[0; 2]` elsewhere
/// became a reference to [`VALUES`], and read the number of processors. It leaves alone what has a section.
/// <https://github.com/llvm/llvm-project/blob/llvmorg-20.1.0/llvm/lib/Transforms/IPO/ConstantMerge.cpp> (`isUnmergeableGlobal`)
#[unsafe(no_mangle)]
#[unsafe(link_section = ".rodata")]
pub(crate) static LAYOUT: KernelLayout = KernelLayout::UNRESOLVED;

/// Likewise.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".rodata")]
pub(crate) static VALUES: KernelValues = KernelValues::UNRESOLVED;

/// One slot of the layout. Read slot by slot and volatile, so that the compiler neither takes the unresolved value
/// for the truth nor copies the whole table to the 512-byte stack.
macro_rules! slot {
    ($field:ident) => {
        // SAFETY: a field of a static that is never written after the load.
        unsafe { core::ptr::read_volatile(&raw const $crate::kernel::layout::LAYOUT.$field) }
    };
}

/// One of the numbers beside the layout.
macro_rules! value {
    ($field:ident) => {
        // SAFETY: a field of a static that is never written after the load.
        unsafe { core::ptr::read_volatile(&raw const $crate::kernel::layout::VALUES.$field) }
    };
}

pub(crate) use {slot, value};
