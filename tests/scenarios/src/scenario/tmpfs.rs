//! A cgroup is full of a tmpfs file that no process maps. The victim has almost no memory, and the file stays: only
//! `memory.stat` shows the use of the memory.

use super::{Expect, Process, Range, Scenario};

pub(super) fn scenario() -> Scenario {
    let expect = Expect {
        ranges: vec![
            Range::mib("domain.memory_stat.shmem", 24, 32),
            Range::mib("victims.0.memory.anon_rss_bytes", 0, 2),
            Range::mib("victims.0.memory.shmem_rss_bytes", 0, 4),
        ],
        steady_stat: vec!["shmem".to_owned()],
        ..Expect::memcg("/tmpfs", "writer")
    };
    let writer =
        Process::allocator("writer", 0).shape(&["written-file", "--mib", "96", "--path", "tmpfs-file"]);
    Scenario::new("tmpfs", expect)
        .cgroup("/tmpfs", &[("memory.max", "32M")])
        .process(writer.comm(b"writer").cgroup("/tmpfs"))
        .because(&["tmpfs"])
        .allocating(&["tmpfs"])
}
