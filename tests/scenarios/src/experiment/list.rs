//! The experiments that check predictions of `oomtrace whatif`: a scenario, and the change that turns its decision into another
//! one.

use super::Experiment;
use crate::scenario::{Expect, Process, Scenario};

/// All experiments. In each, the change turns the recorded decision into another one.
#[must_use]
pub fn all() -> Vec<Experiment> {
    vec![
        one_task_hated(),
        one_task_protected(),
        a_cgroup_preferred(),
        protection_lifted(),
        group_set(),
        group_unset(),
        limit_raised(),
        allocating_task(),
    ]
}

fn experiment(name: &str, question: &[&str], scenario: impl Fn(bool) -> Scenario) -> Experiment {
    Experiment {
        name: name.to_owned(),
        recorded: scenario(false),
        question: question.iter().map(|&word| word.to_owned()).collect(),
        again: scenario(true),
    }
}

/// Three processes at the limit: `large` has 40 MiB, `allocator` 32 and `small` 24. Whichever dies, the others then fit.
fn trio(name: &str, ends: &[&str], adj: impl Fn(&str) -> i16) -> Scenario {
    let allocator = Process::allocator("allocator", 48).comm(b"allocator");
    let large = Process::bystander("large", 40).comm(b"large");
    let small = Process::bystander("small", 24).comm(b"small");
    let trio = [(large, "/trio/a"), (small, "/trio/b"), (allocator, "/trio/b")];
    let scenario = Scenario::new(name, ending(Expect::memcg("/trio", "allocator"), ends))
        .cgroup("/trio", &[("memory.max", "96M")])
        .cgroup("/trio/a", &[])
        .cgroup("/trio/b", &[]);
    trio.into_iter().fold(scenario, |scenario, (process, cgroup)| {
        let adj = adj(&process.role);
        scenario.process(process.oom_score_adj(adj).cgroup(cgroup))
    })
}

/// Ends the scenario when these roles have ended.
fn ending(expect: Expect, roles: &[&str]) -> Expect {
    Expect { ends: roles.iter().map(|&role| role.to_owned()).collect(), ..expect }
}

/// `small` gets points for 47 MiB more.
fn one_task_hated() -> Experiment {
    experiment("oom_score_adj raised", &["--adj", "small=500"], |changed| {
        let ends = if changed { ["allocator", "small"] } else { ["allocator", "large"] };
        trio("hated", &ends, |role| if changed && role == "small" { 500 } else { 0 })
    })
}

fn one_task_protected() -> Experiment {
    experiment("oom_score_adj -1000", &["--adj", "large=-1000"], |changed| {
        let ends: &[&str] = if changed { &["allocator"] } else { &["allocator", "large"] };
        trio("protected", ends, |role| if changed && role == "large" { -1000 } else { 0 })
    })
}

/// `large` loses points for 28 MiB, so that `allocator` in the other cgroup has the most.
fn a_cgroup_preferred() -> Experiment {
    experiment("oom_score_adj of a cgroup", &["--adj", "/trio/a=-300"], |changed| {
        let ends: &[&str] = if changed { &["allocator"] } else { &["allocator", "large"] };
        trio("preferred", ends, |role| if changed && role == "large" { -300 } else { 0 })
    })
}

/// A task without points in the recording gets them from its counters.
fn protection_lifted() -> Experiment {
    experiment("oom_score_adj no longer -1000", &["--adj", "large=0"], |changed| {
        let ends: &[&str] = if changed { &["allocator", "large"] } else { &["allocator"] };
        trio("lifted", ends, |role| if !changed && role == "large" { -1000 } else { 0 })
    })
}

/// Two members, one of them protected, and the allocator. Each is in a cgroup of its own, so the group is the cgroup above.
fn group(name: &str, ends: &[&str], on: bool) -> Scenario {
    let switch = if on { "1" } else { "0" };
    let protected = Process::bystander("protected", 8).comm(b"protected").oom_score_adj(-1000);
    Scenario::new(name, ending(Expect::memcg("/whole", "allocator"), ends))
        .cgroup("/whole", &[("memory.max", "48M"), ("memory.oom.group", switch)])
        .cgroup("/whole/a", &[])
        .cgroup("/whole/b", &[])
        .process(Process::bystander("member", 8).comm(b"member").cgroup("/whole/a"))
        .process(protected.cgroup("/whole/a"))
        .process(Process::allocator("allocator", 96).cgroup("/whole/b"))
}

const ALONE: &[&str] = &["allocator"];
const TOGETHER: &[&str] = &["allocator", "member"];

fn group_set() -> Experiment {
    experiment("memory.oom.group set", &["--oom-group", "/whole=1"], |changed| {
        group("group_set", if changed { TOGETHER } else { ALONE }, changed)
    })
}

fn group_unset() -> Experiment {
    experiment("memory.oom.group unset", &["--oom-group", "/whole=0"], |changed| {
        group("group_unset", if changed { ALONE } else { TOGETHER }, !changed)
    })
}

/// With more room, no process dies.
fn limit_raised() -> Experiment {
    experiment("memory.max raised", &["--limit", "/roomy=160M"], |changed| {
        let limit = if changed { "160M" } else { "48M" };
        Scenario::new("roomy", Expect::memcg("/roomy", "allocator"))
            .cgroup("/roomy", &[("memory.max", limit)])
            .process(Process::allocator("allocator", 96).cgroup("/roomy"))
    })
}

/// The machine runs out. `large` has the most points by far, but it is `allocator` that asks.
fn allocating_task() -> Experiment {
    experiment("vm.oom_kill_allocating_task set", &["--allocating-task", "1"], |changed| {
        let ends: &[&str] = if changed { &["allocator"] } else { &["allocator", "large"] };
        let scenario = Scenario::new("asked", ending(Expect::global("allocator"), ends))
            .process(Process::bystander("large", 150).comm(b"large").oom_score_adj(700))
            .process(Process::allocator("allocator", 2048));
        scenario.sysctl("vm/oom_kill_allocating_task", if changed { "1" } else { "0" })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::all;

    #[test]
    fn both_runs_differ_only_in_the_change() {
        for experiment in all() {
            let (before, after) = (&experiment.recorded, &experiment.again);
            let roles = |scenario: &crate::scenario::Scenario| {
                scenario.processes.iter().map(|process| process.role.clone()).collect::<Vec<_>>()
            };
            assert_eq!(roles(before), roles(after), "{}", experiment.name);
            let differs = serde_json::to_value(before).unwrap() != serde_json::to_value(after).unwrap();
            assert!(differs, "{}", experiment.name);
            for role in before.expect.ends.iter().chain(&after.expect.ends) {
                assert!(roles(before).contains(role), "{}: {role}", experiment.name);
            }
        }
    }

    #[test]
    fn names_are_unique() {
        let names: HashSet<String> = all().into_iter().map(|experiment| experiment.name).collect();
        assert_eq!(names.len(), all().len());
    }
}
