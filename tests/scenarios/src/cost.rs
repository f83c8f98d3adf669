//! The cost of a decision with and without the tracer: the plan for a guest, and its results.

use serde::{Deserialize, Serialize};

use crate::job::Tier;

/// The argument that makes `/init` do only the fixed piece of work, in a guest or on the host.
pub const FIXED_WORK: &str = "fixed-work";

/// The plan of a measurement.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The tier, as `oomtrace watch --tier` takes it.
    pub tier: Tier,
    /// The numbers of small processes in the cgroup that runs out. Each number is measured separately.
    pub crowds: Vec<u32>,
    /// The number of rounds, each without and then with the tracer.
    pub rounds: u32,
    /// The number of decisions in each round.
    pub decisions: u32,
    /// Whether the machine runs out, by a request with SysRq-f, instead of a cgroup.
    #[serde(default)]
    pub of_machine: bool,
}

/// The results of one crowd.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Measured {
    /// The kernel's release.
    pub release: String,
    /// The number of small processes.
    pub crowd: u32,
    /// The value of `vm.oom_dump_tasks`.
    pub dump_tasks: bool,
    /// The duration of each decision without the tracer, in ns, from the kernel's function graph.
    pub without_ns: Vec<u64>,
    /// The same with the tracer.
    pub with_ns: Vec<u64>,
    /// The tracer's programs during [`Measured::counted`] further decisions, while the kernel timed their runs.
    pub programs: Vec<Program>,
    /// The number of those decisions.
    pub counted: u32,
    /// The ballot of the last report.
    pub ballot: Ballot,
    /// The memory of the crowd in bytes, from its cgroup.
    pub crowd_bytes: u64,
    /// The duration of the fixed piece of work by this guest's clock.
    pub fixed_work: FixedWork,
}

/// The time for one record of the fixed piece of work, in ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FixedWork {
    /// For a list that exceeds every processor cache.
    pub cold_ns: f64,
    /// For a list that fits the nearest cache.
    pub warm_ns: f64,
}

/// A BPF program's runs.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// Its name, which the kernel cuts at 15 bytes, so several programs may share one.
    pub name: String,
    /// The number of runs.
    pub runs: u64,
    /// The total time of the runs, in ns, as counted by the kernel.
    pub run_time_ns: u64,
}

/// A report's data about the examined tasks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Ballot {
    /// The number of tasks that the kernel examined.
    pub total: u64,
    /// Rows in the report.
    pub rows: u64,
    /// Tasks without a row.
    pub left_out: u64,
    /// Whether the first row is the victim.
    pub first_is_victim: bool,
}

impl Measured {
    /// The time per decision of all programs whose name begins with one of these prefixes.
    #[must_use]
    pub fn per_decision_ns(&self, prefixes: &[&str]) -> f64 {
        let counts = |program: &&Program| prefixes.iter().any(|prefix| program.name.starts_with(prefix));
        let sum: u64 = self.programs.iter().filter(counts).map(|program| program.run_time_ns).sum();
        as_float(sum) / f64::from(self.counted.max(1))
    }
}

/// Converts nanoseconds or counts to a float. The loss above 2^53 does not matter.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a measurement is not exact to one part in 2^53")]
pub fn as_float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::{Measured, Program};

    #[test]
    fn adds_up_programs_by_name_prefix() {
        let program = |name: &str, run_time_ns| Program { name: name.to_owned(), runs: 4, run_time_ns };
        let programs = vec![program("badness_fexit", 10), program("evaluate_task_f", 30), program("reap", 7)];
        let measured = Measured { programs, counted: 2, ..Measured::default() };
        assert!((measured.per_decision_ns(&["badness", "evaluate_task"]) - 20.0).abs() < f64::EPSILON);
        assert!((measured.per_decision_ns(&[""]) - 23.5).abs() < f64::EPSILON);
    }
}
