//! The purpose of the allocation and the trigger's calls, in words for all sinks that people read.

use super::sanitize::{name, sentence};
use crate::{
    incident::AllocationKind,
    report::{Allocation, UserCall},
};

/// The purpose of the allocation in words, and the trigger's system call if it is known.
pub(super) fn purpose(allocation: &Allocation) -> Option<String> {
    let kind = allocation.kind.map(|kind| format!("{} ({})", words(kind), kind.name()));
    let syscall = allocation.syscall.as_deref().map(|call| format!("in {}(2)", sentence(call)));
    let words: Vec<String> = kind.into_iter().chain(syscall).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// The calls in the kernel, innermost first.
pub(super) fn kernel(allocation: &Allocation) -> Vec<String> {
    let mut calls: Vec<String> = allocation.stack.iter().flatten().map(|call| sentence(call)).collect();
    if allocation.stack_cut == Some(true) {
        calls.push("(deeper calls were not copied)".to_owned());
    }
    calls
}

/// The calls in user space, innermost first.
pub(super) fn user(allocation: &Allocation) -> Vec<String> {
    allocation.user_stack.iter().flatten().map(user_call).collect()
}

fn user_call(call: &UserCall) -> String {
    let file = call.file.as_ref().map(|file| name(file.as_bytes()));
    let of_build = || call.build_id.as_ref().map(|id| format!("build id {}", sentence(id)));
    let file = file.or_else(of_build).unwrap_or_else(|| "unknown file".to_owned());
    let place = call.offset.map(|offset| format!(" at {offset:#x}")).unwrap_or_default();
    let symbol = call.symbol.as_ref().map(|symbol| format!("{} in ", sentence(symbol))).unwrap_or_default();
    format!("{symbol}{file}{place}")
}

const fn words(kind: AllocationKind) -> &'static str {
    match kind {
        AllocationKind::AnonFault => "a page fault on anonymous memory",
        AllocationKind::FileFault => "a page fault on a mapped file",
        AllocationKind::ShmemFault => "a page fault on shared memory",
        AllocationKind::SwapIn => "reading a page from swap",
        AllocationKind::HugePage => "a huge page",
        AllocationKind::PageTable => "page tables",
        AllocationKind::FileRead => "page cache, to read a file",
        AllocationKind::FileWrite => "page cache, to write a file",
        AllocationKind::Tmpfs => "a file in tmpfs",
        AllocationKind::Fork => "a new process or thread",
        AllocationKind::Exec => "a new program in a process",
        AllocationKind::Socket => "a socket",
        AllocationKind::Pipe => "a pipe",
        AllocationKind::Bpf => "a BPF map or program",
        AllocationKind::Module => "a kernel module",
        AllocationKind::IoUring => "io_uring",
        AllocationKind::Vmalloc => "memory that the kernel maps page by page",
        AllocationKind::Slab => "an object of the kernel",
        AllocationKind::MemoryMaxWrite => "nothing: memory.max was lowered",
        AllocationKind::Reclaim => "nothing: reclaim by kswapd",
        AllocationKind::Sysrq => "nothing: SysRq-f",
    }
}

#[cfg(test)]
mod tests {
    use super::{kernel, purpose, user};
    use crate::{
        incident::AllocationKind,
        report::{Allocation, UserCall},
    };

    #[test]
    fn describes_known_calls() {
        assert_eq!(purpose(&Allocation::default()), None);
        let allocation = Allocation {
            kind: Some(AllocationKind::Slab),
            syscall: Some("openat".to_owned()),
            stack: Some(vec!["kmem_cache_alloc_noprof+0x1/0x2".to_owned()]),
            stack_cut: Some(true),
            user_stack: Some(vec![
                UserCall {
                    file: Some("/bin/a\n".into()),
                    offset: Some(16),
                    symbol: Some("main".to_owned()),
                    ..UserCall::default()
                },
                UserCall { build_id: Some("9d3b".to_owned()), offset: Some(16), ..UserCall::default() },
                UserCall::default(),
            ]),
            ..Allocation::default()
        };
        assert_eq!(purpose(&allocation).as_deref(), Some("an object of the kernel (slab), in openat(2)"));
        assert_eq!(
            kernel(&allocation),
            ["kmem_cache_alloc_noprof+0x1/0x2", "(deeper calls were not copied)"]
        );
        assert_eq!(
            user(&allocation),
            ["main in /bin/a\\x0a at 0x10", "build id 9d3b at 0x10", "unknown file"]
        );
    }
}
