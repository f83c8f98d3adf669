//! What the trigger was doing, as a clause of the summary.

use crate::incident::{AllocationKind, CallTrace, Incident};

/// The clause with a leading space. It is empty for a plain page fault, which is the most common allocation, and if the kind of
/// allocation is not known.
pub(super) fn clause(incident: &Incident) -> &'static str {
    let kind = incident.call_trace.as_ref().and_then(CallTrace::kind);
    match kind {
        Some(AllocationKind::FileFault) => " to map a page of a file",
        Some(AllocationKind::FileRead) => " to read a file",
        Some(AllocationKind::FileWrite) => " to write a file",
        Some(AllocationKind::Tmpfs) => " to write to tmpfs",
        Some(AllocationKind::ShmemFault) => " for shared memory",
        Some(AllocationKind::SwapIn) => " to read a page from swap",
        Some(AllocationKind::HugePage) => " for a huge page",
        Some(AllocationKind::PageTable) => " for page tables",
        Some(AllocationKind::Fork) => " to fork",
        Some(AllocationKind::Exec) => " to execute a program",
        Some(AllocationKind::Socket) => " for a socket",
        Some(AllocationKind::Pipe) => " for a pipe",
        Some(AllocationKind::Bpf) => " for BPF",
        Some(AllocationKind::Module) => " to load a kernel module",
        Some(AllocationKind::IoUring) => " for io_uring",
        Some(
            AllocationKind::AnonFault
            | AllocationKind::Vmalloc
            | AllocationKind::Slab
            | AllocationKind::MemoryMaxWrite
            | AllocationKind::Reclaim
            | AllocationKind::Sysrq,
        )
        | None => "",
    }
}
