//! Free memory that the allocation may not use.

use super::super::Feature;
use super::{ENDLESS, Expect, Process, Scenario, roles};

/// Pipe buffers cannot use a zone for movable memory (<https://github.com/neondatabase/autoscaling/issues/1204>).
pub(super) fn movable() -> Scenario {
    beside_movable("movable", ("256M", 1024), &PIPES).unexplained(PIPES_MIB.0, PIPES_MIB.1)
}

/// The same with memory that is reserved for devices (<https://github.com/raspberrypi/linux/issues/3872>).
pub(super) fn cma() -> Scenario {
    beside_cma("cma", "192M", &PIPES).unexplained(PIPES_MIB.0, PIPES_MIB.1)
}

/// Page tables cannot use the zone either (<https://github.com/pmem/ndctl/issues/110>: persistent memory was put online as
/// movable).
pub(super) fn movable_page_tables() -> Scenario {
    tables(beside_movable("movable_page_tables", ("256M", 1024), &TABLES))
}

/// Page tables cannot use memory that is reserved for devices
/// (<https://lists.infradead.org/pipermail/linux-arm-kernel/2014-October/296436.html>).
pub(super) fn cma_page_tables() -> Scenario {
    tables(beside_cma("cma_page_tables", "192M", &TABLES))
}

/// The filler itself triggers each decision, for a page table.
fn tables(mut scenario: Scenario) -> Scenario {
    scenario.expect.trigger = roles(&["filler"]);
    scenario.allocating(&["page_table"])
}

/// Free memory in single pages, and buffers of 32 KiB (<https://github.com/openzfs/zfs/issues/6381>).
pub(super) fn fragmented() -> Scenario {
    let keys = ["keys", "--count", "20000", "--bytes", "32000"];
    fragments("fragmented", &keys)
        .sysctl("kernel/keys/root_maxbytes", "1000000000")
        .sysctl("kernel/keys/root_maxkeys", "1000000")
        .allocating(&["slab"])
}

/// The same with messages in Unix sockets, of 4 contiguous pages each
/// (<https://lkml.iu.edu/hypermail/linux/kernel/0906.2/02972.html>).
pub(super) fn fragmented_sockets() -> Scenario {
    let datagrams = ["sockets", "--kind", "datagram", "--message-pages", "4", "--mib", ENDLESS];
    fragments("fragmented_sockets", &datagrams).allocating(&["socket"])
}

fn fragments(name: &str, shape: &[&str]) -> Scenario {
    let fragments = ["fragments", "--mib", "260"];
    let mut scenario = Scenario::new(name, Expect::global("filler"))
        .process(Process::staying("fragmenter", &fragments).comm(b"fragmenter"))
        .process(Process::acting("filler", shape).comm(b"filler").oom_score_adj(1000))
        .because(&["fragmented"]);
    scenario.alone = true;
    // With a second processor, free blocks could appear between the last attempt and the decision.
    scenario.machine.cpus = 1;
    scenario
}

/// The shape that fills the remaining memory, and the range of its memory that no counter covers, in MiB.
const PIPES: [&str; 3] = ["pipes", "--mib", ENDLESS];
const PIPES_MIB: (u64, u64) = (100, 400);

fn beside_movable(name: &str, (kernel, memory_mib): (&str, u32), shape: &[&str]) -> Scenario {
    let mut scenario = filled(name, shape).because(&["other_zone"]);
    scenario.machine.memory_mib = memory_mib;
    scenario.machine.command_line = format!("kernelcore={kernel}");
    scenario
}

fn beside_cma(name: &str, size: &str, shape: &[&str]) -> Scenario {
    let mut scenario = filled(name, shape).because(&["cma"]);
    scenario.machine.command_line = format!("cma={size}");
    scenario.needs.push(Feature::Cma);
    scenario
}

/// Page tables that fill the remaining memory.
const TABLES: [&str; 3] = ["page-tables", "--mib", ENDLESS];

/// Builds a scenario in which the kill of the largest process frees no memory that the others can use. In the end, the
/// filler is killed.
fn filled(name: &str, shape: &[&str]) -> Scenario {
    let victims = roles(&["bystander", "filler"]);
    let expect = Expect {
        certain: roles(&["filler"]),
        ends: roles(&["filler"]),
        victims,
        kills: (1, 2),
        ..Expect::global("filler")
    };
    let mut scenario = Scenario::new(name, expect)
        .process(Process::bystander("bystander", 20).comm(b"bystander"))
        .process(Process::acting("filler", shape).comm(b"filler"));
    scenario.alone = true;
    scenario
}
