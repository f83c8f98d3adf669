//! Scenarios: the machine, the cgroups, the processes, and the known facts about the OOM that they cause.

mod adj_ladder;
mod cgroup_allocating;
mod cgroup_kill;
mod cgroup_v1;
mod clock_set;
mod container_init;
mod cpuset;
mod dead_leader;
mod dying_trigger;
mod dying_victim;
mod equal_scores;
mod far_limit;
pub mod found;
mod global;
mod global_allocating;
mod global_allocating_thread;
mod global_swap;
mod lowered;
mod mempolicy;
mod mglru;
mod nested;
mod odd_comm;
mod one_cpu;
mod oom_group;
mod page_tables;
mod panic_on_oom;
mod panic_unkillable;
mod parent;
pub mod part;
mod pid_namespace;
mod relief;
mod remote_charge;
mod score_reader;
mod shared_mm;
mod shortage;
mod small_limit;
mod storm;
mod supervisor;
mod swap;
mod swapoff;
mod sysrq;
mod threads16;
mod tmpfs;
mod unkillable;
mod user_kill;
mod user_stack;
mod userspace_kill;
mod v1_memsw;
mod v1_oom_kill_disable;

use self::part::cgroup;
use serde::{Deserialize, Serialize};

pub use self::part::expect::{Expect, Range};
pub use self::part::feature::Feature;
pub use self::part::machine::{Hierarchy, Machine, Tmpfs};
pub use self::part::process::{Part, Process};
pub use self::relief::Relief;
pub use self::user_kill::{Told, UserKill};
use crate::text::Text;

/// One way to run out of memory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scenario {
    /// Its name, as `--scenario` takes it.
    pub name: String,
    /// The machine that it needs.
    pub machine: Machine,
    /// Whether it must not share a guest with other scenarios, because it uses the whole machine's memory.
    pub alone: bool,
    /// Features of the kernel without which the scenario is not applicable.
    pub needs: Vec<Feature>,
    /// Files below `/proc/sys`, or absolute paths, with their values during the scenario.
    pub sysctls: Vec<(String, String)>,
    /// File systems in memory to mount during the scenario.
    #[serde(default)]
    pub tmpfs: Vec<Tmpfs>,
    /// The cgroups to create, parents first.
    pub cgroups: Vec<Cgroup>,
    /// The processes in the order of their start.
    pub processes: Vec<Process>,
    /// Files and their values, written once the tracer is armed and the allocators run.
    #[serde(default)]
    pub writes: Vec<(String, String)>,
    /// The seconds by which the wall clock is set forward once the tracer is armed.
    #[serde(default)]
    pub set_clock_s: i64,
    /// The seconds to wait for the processes to get ready, and for their ends. If absent, the guest's usual limits apply.
    #[serde(default)]
    pub patience_s: Option<u64>,
    /// The event that ends the shortage, if no kill does.
    #[serde(default)]
    pub relief: Option<Relief>,
    /// The known facts about the outcome.
    pub expect: Expect,
}

/// A cgroup to create.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cgroup {
    /// Its path below the memory hierarchy's mount, beginning with a slash.
    pub path: Text,
    /// Files in it, with the values to write.
    pub files: Vec<(String, String)>,
}

impl Cgroup {
    fn new(path: impl Into<Text>, files: &[(&str, &str)]) -> Self {
        let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        Self { path: path.into(), files: files.iter().map(own).collect() }
    }
}

impl Scenario {
    /// A scenario on a plain machine without cgroups or processes.
    pub(crate) fn new(name: &str, expect: Expect) -> Self {
        Self {
            name: name.to_owned(),
            machine: Machine::default(),
            alone: false,
            needs: Vec::new(),
            sysctls: Vec::new(),
            tmpfs: Vec::new(),
            cgroups: Vec::new(),
            processes: Vec::new(),
            writes: Vec::new(),
            set_clock_s: 0,
            patience_s: None,
            relief: None,
            expect,
        }
    }

    pub(crate) fn sysctl(mut self, file: &str, value: &str) -> Self {
        self.sysctls.push((file.to_owned(), value.to_owned()));
        self
    }

    /// Requires that `account.reasons` begins with one of these.
    pub(crate) fn because(mut self, reasons: &[&str]) -> Self {
        self.expect.reasons = reasons.iter().map(|&code| code.to_owned()).collect();
        self
    }

    /// Requires that each allocation has one of these purposes.
    pub(crate) fn allocating(mut self, kinds: &[&str]) -> Self {
        self.expect.allocation_kinds = kinds.iter().map(|&kind| kind.to_owned()).collect();
        self
    }

    /// Requires that this many MiB, outside all counters, are unexplained.
    pub(crate) fn unexplained(mut self, least: u64, most: u64) -> Self {
        self.expect.ranges.push(Range::mib("account.unexplained_bytes", least, most));
        self
    }

    pub(crate) fn tmpfs(mut self, place: &str, mib: u32) -> Self {
        self.tmpfs.push(Tmpfs { place: place.to_owned(), mib });
        self
    }

    pub(crate) fn cgroup(mut self, path: impl Into<Text>, files: &[(&str, &str)]) -> Self {
        self.cgroups.push(Cgroup::new(path, files));
        self
    }

    pub(crate) fn process(mut self, process: Process) -> Self {
        self.processes.push(process);
        self
    }

    /// The process with this role, or the process that starts it.
    #[must_use]
    pub fn process_of(&self, role: &str) -> Option<&Process> {
        self.processes.iter().find(|process| process.plays(role))
    }

    /// The value that this scenario gives a sysctl, if any.
    #[must_use]
    pub fn sysctl_value(&self, file: &str) -> Option<&str> {
        self.sysctls.iter().find(|(name, _)| name == file).map(|(_, value)| value.as_str())
    }
}

/// How each is made, in the order they are run.
const ALL: [fn() -> Scenario; 44] = [
    cgroup::scenario,
    parent::scenario,
    one_cpu::scenario,
    clock_set::scenario,
    oom_group::scenario,
    far_limit::scenario,
    nested::scenario,
    lowered::scenario,
    remote_charge::scenario,
    cgroup_allocating::scenario,
    odd_comm::scenario,
    threads16::scenario,
    dead_leader::scenario,
    shared_mm::scenario,
    dying_trigger::scenario,
    dying_victim::scenario,
    equal_scores::scenario,
    global::scenario,
    global_allocating::scenario,
    global_allocating_thread::scenario,
    cgroup_v1::scenario,
    swap::scenario,
    global_swap::scenario,
    swapoff::scenario,
    cpuset::scenario,
    mempolicy::scenario,
    sysrq::scenario,
    mglru::scenario,
    panic_on_oom::scenario,
    panic_unkillable::scenario,
    storm::scenario,
    container_init::scenario,
    unkillable::scenario,
    page_tables::scenario,
    tmpfs::scenario,
    v1_memsw::scenario,
    v1_oom_kill_disable::scenario,
    adj_ladder::scenario,
    score_reader::scenario,
    small_limit::scenario,
    userspace_kill::scenario,
    user_stack::scenario,
    cgroup_kill::scenario,
    supervisor::scenario,
];

/// All scenarios.
#[must_use]
pub fn all() -> Vec<Scenario> {
    ALL.iter().chain(&shortage::ALL).map(|scenario| scenario()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::all;

    #[test]
    fn names_are_unique() {
        let names: HashSet<String> = all().into_iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), all().len());
    }

    #[test]
    fn every_named_role_exists() {
        for scenario in all() {
            let expect = &scenario.expect;
            let others = expect
                .one_mm
                .iter()
                .chain(&expect.signalled)
                .chain(&expect.asked_first)
                .chain(&expect.marked);
            let kills = expect.user_kills.iter().flat_map(|kill| kill.victims.iter().chain([&kill.killer]));
            let after = scenario.processes.iter().filter_map(|process| process.after.as_ref());
            let named = expect.victims.iter().chain(&expect.trigger).chain(&expect.ends);
            for role in named.chain(others).chain(kills).chain(after) {
                assert!(scenario.process_of(role).is_some(), "{}: {role}", scenario.name);
            }
            assert!(expect.kills.0 <= expect.kills.1, "{}", scenario.name);
        }
    }

    #[test]
    fn a_panic_runs_in_its_own_guest() {
        assert!(all().iter().all(|scenario| scenario.expect.panic.is_none() || scenario.alone));
    }

    #[test]
    fn every_named_cgroup_exists() {
        for scenario in all() {
            let named = scenario.processes.iter().filter_map(|p| p.cgroup.as_ref());
            let relieved = scenario.relief.iter().map(|relief| &relief.cgroup);
            for path in named.chain(scenario.expect.limit_cgroup.as_ref()).chain(relieved) {
                assert!(scenario.cgroups.iter().any(|c| c.path == *path), "{}: {path}", scenario.name);
            }
        }
    }
}
