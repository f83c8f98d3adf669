//! Page tables count: the kernel kills a process that has almost only page tables, and another one with more resident memory
//! survives.

use super::{Expect, Process, Range, Scenario};

pub(super) fn scenario() -> Scenario {
    let expect = Expect {
        ranges: vec![
            Range::mib("victims.0.memory.pgtables_bytes", 24, 48),
            Range::mib("victims.0.memory.anon_rss_bytes", 0, 2),
            Range::mib("victims.0.memory.shmem_rss_bytes", 0, 4),
        ],
        foreseeable: true,
        ..Expect::memcg("/sparse", "sparse")
    };
    // One page in each 2 MiB needs a page table of its own, and the page itself is the zero page. The process has the most
    // points from the beginning.
    let shape = ["page-tables", "--before-word-mib", "16", "--mib", "96"];
    let sparse = Process::allocator("sparse", 0).shape(&shape);
    Scenario::new("page_tables", expect)
        .cgroup("/sparse", &[("memory.max", "48M")])
        .process(Process::bystander("resident", 12).comm(b"resident").cgroup("/sparse"))
        .process(sparse.comm(b"sparse").cgroup("/sparse"))
        .because(&["page_tables"])
        .allocating(&["page_table"])
}
