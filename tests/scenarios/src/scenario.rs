//! What a scenario is: the machine, the cgroups, the processes, and what is known of the OOM they cause.

mod cgroup;
mod cgroup_allocating;
mod cgroup_kill;
mod cgroup_v1;
mod expect;
mod feature;
mod global;
mod global_allocating;
mod machine;
mod odd_comm;
mod oom_group;
mod parent;
mod process;
mod user_kill;
mod userspace_kill;

use serde::{Deserialize, Serialize};

pub use self::expect::Expect;
pub use self::feature::Feature;
pub use self::machine::{Hierarchy, Machine};
pub use self::process::{Part, Process};
pub use self::user_kill::{Told, UserKill};
use crate::text::Text;

/// One way to run out of memory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scenario {
    /// Its name, as `--scenario` takes it.
    pub name: String,
    /// The machine it needs.
    pub machine: Machine,
    /// Whether it must not share a guest with others, because it takes the whole machine's memory.
    pub alone: bool,
    /// What the kernel must have; without it the scenario is not applicable.
    pub needs: Vec<Feature>,
    /// Files below `/proc/sys`, and what to write there meanwhile.
    pub sysctls: Vec<(String, String)>,
    /// The cgroups to make, parents first.
    pub cgroups: Vec<Cgroup>,
    /// The processes, in the order they are started.
    pub processes: Vec<Process>,
    /// What is known of the outcome.
    pub expect: Expect,
}

/// A cgroup to make.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cgroup {
    /// Its path below the memory hierarchy's mount, beginning with a slash.
    pub path: Text,
    /// Files in it, and what to write there.
    pub files: Vec<(String, String)>,
}

impl Cgroup {
    fn new(path: impl Into<Text>, files: &[(&str, &str)]) -> Self {
        let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        Self { path: path.into(), files: files.iter().map(own).collect() }
    }
}

impl Scenario {
    /// A scenario on a plain machine with nothing in it yet.
    fn new(name: &str, expect: Expect) -> Self {
        Self {
            name: name.to_owned(),
            machine: Machine::default(),
            alone: false,
            needs: Vec::new(),
            sysctls: Vec::new(),
            cgroups: Vec::new(),
            processes: Vec::new(),
            expect,
        }
    }

    fn sysctl(mut self, file: &str, value: &str) -> Self {
        self.sysctls.push((file.to_owned(), value.to_owned()));
        self
    }

    fn cgroup(mut self, path: impl Into<Text>, files: &[(&str, &str)]) -> Self {
        self.cgroups.push(Cgroup::new(path, files));
        self
    }

    fn process(mut self, process: Process) -> Self {
        self.processes.push(process);
        self
    }

    /// The value this scenario gives a sysctl, if it does.
    #[must_use]
    pub fn sysctl_value(&self, file: &str) -> Option<&str> {
        self.sysctls.iter().find(|(name, _)| name == file).map(|(_, value)| value.as_str())
    }
}

/// Every scenario there is.
#[must_use]
pub fn all() -> Vec<Scenario> {
    vec![
        cgroup::scenario(),
        parent::scenario(),
        oom_group::scenario(),
        cgroup_allocating::scenario(),
        odd_comm::scenario(),
        global::scenario(),
        global_allocating::scenario(),
        cgroup_v1::scenario(),
        userspace_kill::scenario(),
        cgroup_kill::scenario(),
    ]
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
    fn every_role_named_exists() {
        for scenario in all() {
            let expect = &scenario.expect;
            let kills = expect.user_kills.iter().flat_map(|kill| kill.victims.iter().chain([&kill.killer]));
            let after = scenario.processes.iter().filter_map(|process| process.after.as_ref());
            let named = expect.victims.iter().chain(&expect.trigger).chain(&expect.ends);
            for role in named.chain(kills).chain(after) {
                assert!(scenario.processes.iter().any(|p| p.role == *role), "{}: {role}", scenario.name);
            }
            assert!(expect.kills.0 <= expect.kills.1, "{}", scenario.name);
        }
    }

    #[test]
    fn every_cgroup_named_exists() {
        for scenario in all() {
            let named = scenario.processes.iter().filter_map(|p| p.cgroup.as_ref());
            for path in named.chain(scenario.expect.limit_cgroup.as_ref()) {
                assert!(scenario.cgroups.iter().any(|c| c.path == *path), "{}: {path}", scenario.name);
            }
        }
    }
}
