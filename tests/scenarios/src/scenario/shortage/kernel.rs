//! Memory of the kernel that is charged to a cgroup, or to nobody, and never to a process.

use super::{Expect, LIMIT, Process, Scenario, filling, nearly_full, on_machine};

/// Pages that the kernel charges to a cgroup. `memory.stat` has them since 5.18 (`kernel`).
const KERNEL: &[&str] = &["kernel", "unexplained"];

/// Unix datagrams (<https://github.com/docker/for-linux/issues/1001>). They go with the victim, and some may have gone when
/// `memory.stat` is read.
pub(super) fn datagrams() -> Scenario {
    filling("datagrams", &["sockets", "--kind", "datagram", "--mib", "64"])
        .because(&["slab", "unexplained"])
        .allocating(&["socket"])
}

/// Unix streams: pages instead of slab objects, unless pages are so large that slab objects hold a message.
pub(super) fn streams() -> Scenario {
    filling("streams", &["sockets", "--kind", "stream", "--mib", "64"])
        .because(&["kernel", "slab", "unexplained"])
        .allocating(&["socket"])
}

/// TCP counts as `sock`, and at the limit it drops packets instead of asking for a kill.
pub(super) fn tcp() -> Scenario {
    nearly_full("tcp", &["sockets", "--kind", "tcp", "--mib", "12"]).because(&["sockets"])
}

/// Pipes.
pub(super) fn pipes() -> Scenario {
    filling("pipes", &["pipes", "--mib", "64"]).because(KERNEL).allocating(&["pipe"])
}

/// Pipes that were made larger, as log collectors do.
pub(super) fn large_pipes() -> Scenario {
    filling("large_pipes", &["pipes", "--mib", "64", "--each-kib", "1024"])
        .because(KERNEL)
        .allocating(&["pipe"])
}

/// Rings of io_uring fail at the limit instead of asking for a kill; whoever comes next is killed.
pub(super) fn io_urings() -> Scenario {
    nearly_full("io_urings", &["io-urings", "--count", "56"]).because(KERNEL)
}

/// Small objects behind open files (<https://github.com/prometheus-community/ipmi_exporter/issues/329>).
pub(super) fn eventfds() -> Scenario {
    // More than the machine allows: the tracer could open no file of procfs.
    filling("eventfds", &["eventfds", "--count", "200000"])
        .because(&["slab"])
        .sysctl("fs/file-max", "1000000")
}

/// Slab objects of the machine, in the kernel's keyring: charged to no cgroup.
pub(super) fn keys() -> Scenario {
    on_machine("keys", &["keys", "--count", "50000", "--bytes", "4000"])
        .because(&["slab"])
        .sysctl("kernel/keys/root_maxbytes", "1000000000")
        .sysctl("kernel/keys/root_maxkeys", "1000000")
}

/// Kernel stacks and page tables of a great many small processes (<https://github.com/moby/moby/issues/6479>). Any of them
/// may be the one that asks.
pub(super) fn stacks() -> Scenario {
    let holder = Some("fork_bomb".to_owned());
    let expect = Expect { trigger: Vec::new(), holder, ..Expect::memcg("/stacks", "forker") };
    let shape = ["crowd", "--count", "3000", "--mib", "2"];
    let forker = Process::acting("forker", &shape).comm(b"forker").cgroup("/stacks");
    let mut scenario = Scenario::new("stacks", expect).cgroup("/stacks", &[LIMIT]).process(forker);
    // On a second processor it would go on forking until the log is printed.
    scenario.machine.cpus = 1;
    scenario
}

/// Maps of BPF programs, which the kernel takes by `vmalloc`.
pub(super) fn bpf_maps() -> Scenario {
    on_machine("bpf_maps", &["bpf-maps", "--mib", "160"]).because(KERNEL).unexplained(0, 176)
}
