//! A program whose purpose is to kill ends thousands of processes with one write to `cgroup.kill`. The matrix does not include this
//! scenario, because a guest needs a lot of memory for it.

use crate::scenario::{Expect, Feature, Process, Scenario};

/// The cgroup whose processes are killed.
pub const CGROUP: &str = "/doomed";

/// Memory of the guest without the processes, and memory of each process, in KiB.
const BASE_KIB: u32 = 768 << 10;
const PROCESS_KIB: u32 = 190;

/// Processes that an emulated guest starts or ends in a second, at least.
const PER_SECOND: u32 = 50;

/// The scenario with this number of processes, including the first process of the crowd.
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
    // The first process dies first. Without `--independent`, its death would send SIGKILL to those that the killer has not reached.
    let shape = ["crowd", "--count", &copies, "--mib", "8", "--independent"];
    let crowd = Process::staying("crowd", &shape).cgroup(CGROUP);
    let directory = format!("/sys/fs/cgroup{CGROUP}");
    let killer = Process::acting("killer", &["kill", "--kill-cgroup", &directory, "--limit-before"]);
    let mut scenario = Scenario::new("act", expect)
        .sysctl("kernel/pid_max", "4194304")
        .sysctl("kernel/threads-max", "200000")
        .cgroup(CGROUP, &[])
        .process(crowd)
        .process(killer.comm(b"systemd-oomd"));
    scenario.machine.memory_mib = (BASE_KIB + PROCESS_KIB.saturating_mul(processes)) >> 10;
    scenario.alone = true;
    scenario.patience_s = Some(u64::from(150 + processes / PER_SECOND));
    scenario.needs.push(Feature::CgroupKill);
    scenario
}
