//! Shortages in which the memory is not where the victims are: free memory that the allocation may not use, or memory
//! that no process holds and no kill frees. Most are from public bug reports.

mod kernel;
mod locked;
mod pools;
mod shmem;
mod unaccounted;
mod unusable;

use super::{Expect, Process, Scenario};

/// How each is made, in the order they are run.
pub(super) const ALL: [fn() -> Scenario; 23] = [
    shmem::tmpfs_loop,
    shmem::sysv_loop,
    shmem::tmpfs_machine,
    shmem::memfd_machine,
    shmem::shared_anon_machine,
    kernel::datagrams,
    kernel::streams,
    kernel::tcp,
    kernel::pipes,
    kernel::large_pipes,
    kernel::io_urings,
    kernel::eventfds,
    kernel::keys,
    kernel::stacks,
    kernel::bpf_maps,
    pools::reserved,
    pools::mapped,
    locked::of_cgroup,
    locked::of_machine,
    unaccounted::packet_rings,
    unaccounted::perf_rings,
    unusable::movable,
    unusable::cma,
];

/// The limit of the cgroups here.
const LIMIT: (&str, &str) = ("memory.max", "32M");
/// More than any machine here has, in MiB.
const ENDLESS: &str = "2048";

/// One process that takes what its shape says, until it is killed at the limit of its own cgroup.
fn filling(name: &str, shape: &[&str]) -> Scenario {
    let path = format!("/{name}");
    Scenario::new(name, Expect::memcg(path.as_str(), "filler"))
        .cgroup(path.as_str(), &[LIMIT])
        .process(Process::acting("filler", shape).comm(b"filler").cgroup(path.as_str()))
}

/// A cgroup that a process has nearly filled with what no kill of another frees; the other is killed.
fn nearly_full(name: &str, shape: &[&str]) -> Scenario {
    let path = format!("/{name}");
    Scenario::new(name, Expect::memcg(path.as_str(), "allocator"))
        .cgroup(path.as_str(), &[LIMIT])
        .process(Process::staying("holder", shape).comm(b"holder").cgroup(path.as_str()))
        .process(Process::allocator("allocator", 28).cgroup(path.as_str()))
}

/// A machine on which a process holds something that does not count as its own; a small one that wants more is killed.
fn on_machine(name: &str, shape: &[&str]) -> Scenario {
    let mut scenario = Scenario::new(name, Expect::global("allocator"))
        .process(Process::staying("holder", shape).comm(b"holder"))
        .process(Process::allocator("allocator", 2048).oom_score_adj(100));
    scenario.alone = true;
    scenario
}

fn roles(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}
