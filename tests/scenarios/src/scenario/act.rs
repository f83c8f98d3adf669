//! A program whose purpose it is takes down thousands of processes with one write to `cgroup.kill`. It is no part of the matrix:
//! a guest needs a lot of memory for it.

use super::{Expect, Feature, Process, Scenario};

/// The cgroup that is taken down.
pub const CGROUP: &str = "/doomed";

/// Memory of the guest beside that of the processes, and of each process, in KiB.
const BASE_KIB: u32 = 768 << 10;
const PROCESS_KIB: u32 = 190;

/// So many processes, that of the crowd's first included.
#[must_use]
pub fn scenario(processes: u32) -> Scenario {
    let copies = processes.saturating_sub(1).to_string();
    let expect = Expect {
        victims: Vec::new(),
        certain: Vec::new(),
        kills: (0, 0),
        ends: ["crowd", "killer"].map(str::to_owned).to_vec(),
        ..Expect::memcg(CGROUP, "crowd")
    };
    let crowd = Process::staying("crowd", &["crowd", "--count", &copies, "--mib", "8"]).cgroup(CGROUP);
    let folder = format!("/sys/fs/cgroup{CGROUP}");
    let killer = Process::acting("killer", &["kill", "--kill-cgroup", &folder, "--limit-before"]);
    let mut scenario = Scenario::new("act", expect)
        .sysctl("kernel/pid_max", "4194304")
        .sysctl("kernel/threads-max", "200000")
        .cgroup(CGROUP, &[])
        .process(crowd)
        .process(killer.comm(b"systemd-oomd"));
    scenario.machine.memory_mib = (BASE_KIB + PROCESS_KIB.saturating_mul(processes)) >> 10;
    scenario.alone = true;
    scenario.needs.push(Feature::CgroupKill);
    scenario
}
