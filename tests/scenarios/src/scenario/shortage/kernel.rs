//! Kernel memory that is charged to a cgroup, or not charged at all, and never counts as memory of a process.

use super::{Expect, LIMIT, Process, Scenario, filling, nearly_full, on_machine};

/// Reasons for pages that the kernel charges to a cgroup. `memory.stat` counts them since 5.18 (`kernel`).
const KERNEL: &[&str] = &["kernel", "unexplained"];

/// Unix datagrams (<https://github.com/docker/for-linux/issues/1001>). The kernel frees them with the victim, so some may be
/// gone before `memory.stat` is read.
pub(super) fn datagrams() -> Scenario {
    filling("datagrams", &["sockets", "--kind", "datagram", "--mib", "64"])
        .because(&["slab", "unexplained"])
        .allocating(&["socket"])
}

/// Unix streams: pages instead of slab objects.
pub(super) fn streams() -> Scenario {
    filling("streams", &["sockets", "--kind", "stream", "--mib", "64"])
        .because(&["kernel", "slab", "unexplained"])
        .allocating(&["socket"])
}

/// TCP counts as `sock`. At the limit, TCP drops packets and causes no kill.
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

/// Rings of io_uring. At the limit, creating a ring fails and causes no kill. The next process that allocates is killed.
pub(super) fn io_urings() -> Scenario {
    nearly_full("io_urings", &["io-urings", "--count", "56"]).because(KERNEL)
}

/// Small objects behind open files (<https://github.com/prometheus-community/ipmi_exporter/issues/329>).
pub(super) fn eventfds() -> Scenario {
    // The count exceeds the default `file-max`. The tracer could then open no file in procfs, so the limit is raised.
    filling("eventfds", &["eventfds", "--count", "200000"])
        .because(&["slab"])
        .sysctl("fs/file-max", "1000000")
}

/// Slab objects of the machine, in the kernel's keyring. They are charged to no cgroup.
pub(super) fn keys() -> Scenario {
    on_machine("keys", &["keys", "--count", "50000", "--bytes", "4000"])
        .because(&["slab"])
        .sysctl("kernel/keys/root_maxbytes", "1000000000")
        .sysctl("kernel/keys/root_maxkeys", "1000000")
}

/// Kernel stacks and page tables of many small processes (<https://github.com/moby/moby/issues/6479>). The trigger can be any
/// of them.
pub(super) fn stacks() -> Scenario {
    let holder = Some("fork_bomb".to_owned());
    let expect = Expect { trigger: Vec::new(), holder, ..Expect::memcg("/stacks", "forker") };
    let shape = ["crowd", "--count", "3000", "--mib", "2"];
    let forker = Process::acting("forker", &shape).comm(b"forker").cgroup("/stacks");
    let mut scenario = Scenario::new("stacks", expect).cgroup("/stacks", &[LIMIT]).process(forker);
    // With a second processor, the process would keep forking until the log is printed.
    scenario.machine.cpus = 1;
    scenario
}

/// Maps of BPF programs, which the kernel allocates with `vmalloc`.
pub(super) fn bpf_maps() -> Scenario {
    on_machine("bpf_maps", &["bpf-maps", "--mib", "160"]).because(KERNEL).unexplained(0, 176)
}
