//! Shortages in which the victims do not hold the memory. Either the allocation may not use the free memory, or no process
//! holds the memory and no kill frees it. Most are from public bug reports.

mod kernel;
mod locked;
mod pools;
mod shmem;
mod swapped;
mod unaccounted;
mod unusable;

use super::{Expect, Process, Scenario};

/// The functions that build the scenarios, in the order in which they run.
pub(super) const ALL: [fn() -> Scenario; 31] = [
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
    locked::held_in_cgroup,
    locked::of_machine,
    swapped::held,
    unaccounted::packet_rings,
    unaccounted::perf_rings,
    unaccounted::pipes,
    unaccounted::streams,
    unusable::movable,
    unusable::movable_page_tables,
    unusable::cma,
    unusable::cma_page_tables,
    unusable::fragmented,
    unusable::fragmented_sockets,
];

/// The memory limit of the cgroups in these scenarios.
const LIMIT: (&str, &str) = ("memory.max", "32M");
/// More memory than any machine in these scenarios has, in MiB.
const ENDLESS: &str = "2048";

/// Builds a scenario with one process that allocates memory until it is killed at the limit of its own cgroup.
fn filling(name: &str, shape: &[&str]) -> Scenario {
    let path = format!("/{name}");
    Scenario::new(name, Expect::memcg(path.as_str(), "filler"))
        .cgroup(path.as_str(), &[LIMIT])
        .process(Process::acting("filler", shape).comm(b"filler").cgroup(path.as_str()))
}

/// Builds a scenario in which one process nearly fills a cgroup with memory that no kill of another process frees. The other
/// process is killed.
fn nearly_full(name: &str, shape: &[&str]) -> Scenario {
    let path = format!("/{name}");
    Scenario::new(name, Expect::memcg(path.as_str(), "allocator"))
        .cgroup(path.as_str(), &[LIMIT])
        .process(Process::staying("holder", shape).comm(b"holder").cgroup(path.as_str()))
        .process(Process::allocator("allocator", 28).cgroup(path.as_str()))
}

/// Builds a scenario in which a process holds memory of the machine that does not count as its own. A small process that
/// allocates more is killed.
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
