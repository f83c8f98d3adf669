//! Determines what memory was allocated for, from the functions in the trigger's kernel stack.
//! Counters cannot show this: the kernel charges all kinds alike.

use serde::Serialize;

use super::{CallTrace, KernelCall};

/// The purpose of a memory allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AllocationKind {
    /// A process touched anonymous memory, or wrote to a private page for the first time.
    AnonFault,
    /// A process touched a page of a mapped file that was not in the page cache.
    FileFault,
    /// A process touched shared memory: tmpfs, memfd, System V or shared anonymous.
    ShmemFault,
    /// A process touched a page that was swapped out.
    SwapIn,
    /// A huge page.
    HugePage,
    /// Page tables.
    PageTable,
    /// Page cache for a read.
    FileRead,
    /// Page cache for a write.
    FileWrite,
    /// Pages of a file in tmpfs or of a memfd, by a write or `fallocate`.
    Tmpfs,
    /// A new process or thread.
    Fork,
    /// A new program in a process.
    Exec,
    /// Memory of a socket, or data in it.
    Socket,
    /// A pipe, or data in it.
    Pipe,
    /// A BPF map or program.
    Bpf,
    /// A kernel module.
    Module,
    /// Requests and buffers of `io_uring`.
    IoUring,
    /// Memory that the kernel maps page by page.
    Vmalloc,
    /// A kernel object.
    Slab,
    /// No allocation: `memory.max` was lowered.
    MemoryMaxWrite,
    /// No allocation: the kernel's own reclaim could not meet its target.
    Reclaim,
    /// No allocation: SysRq-f.
    Sysrq,
}

impl AllocationKind {
    /// All kinds.
    pub const ALL: [Self; 21] = [
        Self::AnonFault,
        Self::FileFault,
        Self::ShmemFault,
        Self::SwapIn,
        Self::HugePage,
        Self::PageTable,
        Self::FileRead,
        Self::FileWrite,
        Self::Tmpfs,
        Self::Fork,
        Self::Exec,
        Self::Socket,
        Self::Pipe,
        Self::Bpf,
        Self::Module,
        Self::IoUring,
        Self::Vmalloc,
        Self::Slab,
        Self::MemoryMaxWrite,
        Self::Reclaim,
        Self::Sysrq,
    ];

    /// The code in the JSON output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AnonFault => "anon_fault",
            Self::FileFault => "file_fault",
            Self::ShmemFault => "shmem_fault",
            Self::SwapIn => "swap_in",
            Self::HugePage => "huge_page",
            Self::PageTable => "page_table",
            Self::FileRead => "file_read",
            Self::FileWrite => "file_write",
            Self::Tmpfs => "tmpfs",
            Self::Fork => "fork",
            Self::Exec => "exec",
            Self::Socket => "socket",
            Self::Pipe => "pipe",
            Self::Bpf => "bpf",
            Self::Module => "module",
            Self::IoUring => "io_uring",
            Self::Vmalloc => "vmalloc",
            Self::Slab => "slab",
            Self::MemoryMaxWrite => "memory_max_write",
            Self::Reclaim => "reclaim",
            Self::Sysrq => "sysrq",
        }
    }
}

use AllocationKind as Kind;

/// Rules, one per line: the kind, and the functions that identify it. The first rule with a function in the stack wins.
/// Rules for a purpose therefore come before rules for a mechanism. A name that ends in `*` matches every function that
/// begins with it.
const RULES: [(Kind, &[&str]); 23] = [
    (Kind::Sysrq, &["moom_callback"]),
    (Kind::MemoryMaxWrite, &["memory_max_write"]),
    (Kind::Reclaim, &["balance_pgdat", "lru_gen_age_node"]),
    (Kind::Fork, &["copy_process"]),
    (Kind::Exec, &["bprm_execve", "do_execveat_common", "load_elf_binary", "begin_new_exec"]),
    (Kind::Module, &["load_module", "init_module_from_file"]),
    (Kind::Bpf, &["__sys_bpf", "bpf_map_area_alloc", "map_create", "bpf_prog_load"]),
    (Kind::SwapIn, &["do_swap_page", "unuse_pte_range", "try_to_unuse", "shmem_swapin_folio"]),
    (Kind::HugePage, &["do_huge_pmd_*", "hugetlb_*", "collapse_huge_page", "hpage_collapse_*"]),
    (Kind::ShmemFault, &["shmem_fault"]),
    (Kind::Tmpfs, &["shmem_*"]),
    (Kind::PageTable, &["__pte_alloc*", "pte_alloc_one*", "__pmd_alloc", "__pud_alloc", "__p4d_alloc"]),
    (Kind::FileFault, &["filemap_fault", "__do_fault", "filemap_map_pages"]),
    (Kind::AnonFault, &["do_anonymous_page", "wp_page_copy", "do_cow_fault", "handle_mm_fault"]),
    (Kind::FileWrite, &["generic_perform_write", "iomap_file_buffered_write", "btrfs_buffered_write"]),
    (Kind::FileRead, &["filemap_read", "generic_file_buffered_read", "page_cache_ra_*", "filemap_get_pages"]),
    (Kind::FileRead, &["do_read_cache_*", "force_page_cache_*", "filemap_splice_read"]),
    (Kind::Socket, &["sock_*", "__sock_*", "__sys_send*", "__sys_socket*", "tcp_*", "__alloc_skb"]),
    (Kind::Socket, &["unix_*", "sk_page_frag_refill", "skb_*", "packet_set_ring", "sk_prot_alloc"]),
    (Kind::Pipe, &["pipe_write", "anon_pipe_write", "alloc_pipe_info", "pipe_*", "__do_pipe_flags"]),
    (Kind::IoUring, &["io_uring_*", "__io_uring_*", "io_submit_sqes", "io_issue_sqe", "io_wq_worker"]),
    (Kind::Vmalloc, &["__vmalloc_*", "vmalloc*", "vzalloc*", "alloc_thread_stack_node"]),
    (Kind::Slab, &["kmem_cache_alloc*", "__kmem_cache_alloc*", "__kmalloc*", "kmalloc_*"]),
];

/// Functions at which a fault or a system call begins. The functions above them in the stack are unrelated, because a fault
/// can occur in the middle of a system call.
const ENTRIES: [&str; 5] =
    ["exc_page_fault", "asm_exc_page_fault", "do_mem_abort", "do_syscall_64", "kthread"];

/// Prefixes of the functions that carry out a system call. The call's name follows the prefix.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/syscalls.h#L245>
const SYSCALLS: [&str; 6] = ["__x64_sys_", "__arm64_sys_", "__se_sys_", "__do_sys_", "__ia32_sys_", "ksys_"];

impl CallTrace {
    /// Returns what the memory was for; `None` if no rule matches.
    #[must_use]
    pub fn kind(&self) -> Option<AllocationKind> {
        let names: Vec<&str> = self.up_to_entry().collect();
        let is_in = |of: &&str| names.iter().any(|name| is_named(name, of));
        RULES.iter().find(|(_, functions)| functions.iter().any(is_in)).map(|(kind, _)| *kind)
    }

    /// Returns the system call that the trigger was in.
    /// `None` for a fault, for a kernel thread, and if the compiler kept no function with the name of the call.
    #[must_use]
    pub fn syscall(&self) -> Option<&str> {
        let calls: Vec<&str> = self.up_to_entry().collect();
        calls.into_iter().rev().find_map(system_call)
    }

    /// Returns the functions up to the kernel's entry point.
    fn up_to_entry(&self) -> impl Iterator<Item = &str> {
        let mut is_over = false;
        self.kernel.iter().filter_map(function).take_while(move |name| {
            let was_over = is_over;
            is_over = ENTRIES.contains(name);
            !was_over
        })
    }
}

/// Returns the system call that a function carries out.
fn system_call(function: &str) -> Option<&str> {
    SYSCALLS.iter().find_map(|prefix| function.strip_prefix(prefix))
}

/// Whether a function has this name. A name that ends in `*` matches as a prefix.
fn is_named(function: &str, name: &str) -> bool {
    name.strip_suffix('*').map_or(function == name, |start| function.starts_with(start))
}

/// Returns the function's name in the source: without the suffix that the compiler added, and without the suffix of
/// allocation profiling.
fn function(call: &KernelCall) -> Option<&str> {
    let name = call.symbol.as_ref()?.name.as_str();
    let name = name.split('.').next().unwrap_or(name);
    Some(name.strip_suffix("_noprof").unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::AllocationKind as Kind;
    use crate::incident::{CallTrace, KernelCall, Symbol};

    /// Call traces of real kernels, innermost first.
    const STACKS: &str = include_str!("allocation_kind/stacks.tsv");

    fn trace(functions: &str) -> CallTrace {
        let call = |name: &str| KernelCall {
            address: 1,
            symbol: Some(Symbol { name: name.to_owned(), ..Symbol::default() }),
        };
        CallTrace { kernel: functions.split(' ').map(call).collect(), ..CallTrace::default() }
    }

    #[test]
    fn recognizes_the_kind_of_each_recorded_stack() {
        for line in STACKS.lines().filter(|line| !line.starts_with('#')) {
            let [kind, syscall, kernel, functions] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let trace = trace(functions);
            let found = serde_json::to_string(&trace.kind()).unwrap();
            assert_eq!(found.trim_matches('"'), kind, "{kernel}: {functions}");
            assert_eq!(trace.syscall().unwrap_or("-"), syscall, "{kernel}: {functions}");
        }
    }

    #[test]
    fn treats_a_fault_in_a_system_call_as_a_fault() {
        let fault = trace(
            "do_anonymous_page handle_mm_fault exc_page_fault asm_exc_page_fault filemap_read vfs_read ksys_read",
        );
        assert_eq!((fault.kind(), fault.syscall()), (Some(Kind::AnonFault), None));
    }

    #[test]
    fn does_not_guess_an_unknown_kind() {
        assert_eq!(trace("__alloc_pages frobnicate do_syscall_64").kind(), None);
        assert_eq!(trace("not_shmem_fault xcopy_process").kind(), None);
        assert_eq!(CallTrace::default().kind(), None);
    }
}
