//! The facts about the running kernel that user space found, as constants for the verifier.

use oomtrace_common::layout::{KernelLayout, KernelValues};

/// The layout. User space fills it in and freezes it before it loads any program.
///
/// It is in a named section, because the compiler merges equal constants and does not know that the loader changes this one.
/// Without the section, a `&[0; 2]` elsewhere became a reference to [`VALUES`] and read the number of processors. The compiler
/// does not merge constants with a section.
/// <https://github.com/llvm/llvm-project/blob/llvmorg-20.1.0/llvm/lib/Transforms/IPO/ConstantMerge.cpp> (`isUnmergeableGlobal`)
#[unsafe(no_mangle)]
#[unsafe(link_section = ".rodata")]
pub(crate) static LAYOUT: KernelLayout = KernelLayout::UNRESOLVED;

/// The numbers beside the layout. User space fills them in as well.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".rodata")]
pub(crate) static VALUES: KernelValues = KernelValues::UNRESOLVED;

/// Reads one slot of the layout. The read is volatile and covers one slot, so that the compiler neither uses the unresolved value
/// nor copies the whole table to the 512-byte stack.
macro_rules! slot {
    ($field:ident) => {
        // SAFETY: this is a field of a static that nothing writes after the load.
        unsafe { core::ptr::read_volatile(&raw const $crate::kernel::layout::LAYOUT.$field) }
    };
}

/// Reads one of the numbers beside the layout.
macro_rules! value {
    ($field:ident) => {
        // SAFETY: this is a field of a static that nothing writes after the load.
        unsafe { core::ptr::read_volatile(&raw const $crate::kernel::layout::VALUES.$field) }
    };
}

pub(crate) use {slot, value};
