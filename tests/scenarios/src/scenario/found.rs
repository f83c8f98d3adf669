//! Many kills one after the other, to count how often a report has the victim's command line and executable. They are no part
//! of the matrix.

use super::{Expect, Process, Scenario};

/// Memory of each process that waits to be killed, in MiB.
const IDLE_MIB: u32 = 3;

/// Memory of the guest, in MiB, beside that of these processes.
const BASE_MIB: u32 = 384;

/// Processes that are killed last, and their memory in MiB. A tracer that reads a victim's files can hold the victim's memory for a
/// moment longer than the victim lives. If the guest's init needs memory in that moment and no other process is left, the kernel
/// panics.
const SPARE: usize = 8;
const SPARE_MIB: u32 = 1;

/// More than every guest has.
const MUCH_MIB: u32 = 8192;

/// Scenarios with about so many kills each: in a cgroup and on the whole machine, of the allocating process and of others.
#[must_use]
pub fn scenarios(kills: usize) -> Vec<Scenario> {
    let own = |name, cgroup: Option<&str>| {
        let allocator = Process::allocator("allocator", MUCH_MIB).runs(kills);
        let scenario = scenario(name, kills, cgroup.map(|path| (path, "2M")));
        let Some(path) = cgroup else {
            let spare = |number| Process::bystander(&format!("spare{number}"), SPARE_MIB).oom_score_adj(-999);
            return (0..SPARE).map(spare).fold(scenario, Scenario::process).process(allocator);
        };
        scenario.process(allocator.cgroup(path))
    };
    let others = |name, cgroup: Option<&str>| {
        let mib = u32::try_from(kills).unwrap_or(u32::MAX).saturating_mul(IDLE_MIB);
        let limit = format!("{mib}M");
        let mut scenario = scenario(name, kills, cgroup.map(|path| (path, limit.as_str())));
        scenario.machine.memory_mib = BASE_MIB.saturating_add(mib);
        for number in 0..kills {
            let idle = Process::bystander(&format!("idle{number}"), IDLE_MIB).oom_score_adj(1000);
            scenario.processes.push(match cgroup {
                Some(path) => idle.cgroup(path),
                None => idle,
            });
        }
        let allocator = Process::allocator("allocator", MUCH_MIB);
        scenario.process(match cgroup {
            Some(path) => allocator.cgroup(path),
            None => allocator,
        })
    };
    vec![
        own("cgroup, victim allocating", Some("/box")),
        others("cgroup, another process allocating", Some("/box")),
        own("machine, victim allocating", None),
        others("machine, another process allocating", None),
    ]
}

fn scenario(name: &str, kills: usize, cgroup: Option<(&str, &str)>) -> Scenario {
    let expect = match cgroup {
        Some((path, _)) => Expect::memcg(path, "allocator"),
        None => Expect::global("allocator"),
    };
    // An emulator translates a program again at every new address.
    let mut scenario = Scenario::new(name, Expect { kills: (1, 2 * kills), ..expect })
        .sysctl("kernel/randomize_va_space", "0");
    if let Some((path, limit)) = cgroup {
        scenario = scenario.cgroup(path, &[("memory.max", limit)]);
    }
    scenario.alone = true;
    scenario
}
