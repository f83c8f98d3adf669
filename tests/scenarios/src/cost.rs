//! What a decision costs with the tracer and without: what a guest is told to measure, and what it hands back.

use serde::{Deserialize, Serialize};

use crate::job::Tier;

/// What `/init` is called with to do the fixed piece of work and nothing else, wherever it is.
pub const FIXED_WORK: &str = "fixed-work";

/// What to measure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// What `oomtrace watch --tier` is told.
    pub tier: Tier,
    /// How many small processes there are in the cgroup that runs out; each number is measured on its own.
    pub crowds: Vec<u32>,
    /// How often it is measured without the tracer, and then with it.
    pub rounds: u32,
    /// Decisions each time.
    pub decisions: u32,
}

/// One crowd, decided over again and again.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Measured {
    /// The kernel's release.
    pub release: String,
    /// How many small processes there were.
    pub crowd: u32,
    /// What `vm.oom_dump_tasks` was.
    pub dump_tasks: bool,
    /// How long each decision took without the tracer, in ns, as the kernel's function graph has it.
    pub without_ns: Vec<u64>,
    /// The same with it.
    pub with_ns: Vec<u64>,
    /// The tracer's programs over [`Measured::counted`] further decisions, in which their runs were timed.
    pub programs: Vec<Program>,
    /// How many those were.
    pub counted: u32,
    /// The ballot of the last report.
    pub ballot: Ballot,
    /// Memory that the crowd took, in bytes, as its cgroup has it.
    pub crowd_bytes: u64,
    /// The fixed piece of work by this guest's clock.
    pub fixed_work: FixedWork,
}

/// What one record of the fixed piece of work takes, in ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FixedWork {
    /// Of a list that no cache of a processor holds.
    pub cold_ns: f64,
    /// Of a list that the nearest cache holds.
    pub warm_ns: f64,
}

/// A BPF program's runs.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// Its name, which the kernel cuts at 15 bytes: several may share one.
    pub name: String,
    /// How often it ran.
    pub runs: u64,
    /// How long all of that took, in ns, by the kernel's own count.
    pub run_time_ns: u64,
}

/// What a report says of whom the kernel looked at.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Ballot {
    /// Tasks the kernel looked at.
    pub total: u64,
    /// Rows in the report.
    pub rows: u64,
    /// Tasks without a row.
    pub left_out: u64,
    /// Whether the first row is the victim.
    pub first_is_victim: bool,
}

impl Measured {
    /// What all programs whose name begins so took together for each decision.
    #[must_use]
    pub fn per_decision_ns(&self, prefixes: &[&str]) -> f64 {
        let counts = |program: &&Program| prefixes.iter().any(|prefix| program.name.starts_with(prefix));
        let sum: u64 = self.programs.iter().filter(counts).map(|program| program.run_time_ns).sum();
        as_float(sum) / f64::from(self.counted.max(1))
    }
}

/// Nanoseconds and counts as they are computed with: what is lost beyond 2^53 does not matter.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a measurement is not exact to one part in 2^53")]
pub fn as_float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::{Measured, Program};

    #[test]
    fn programs_are_added_up_by_the_beginning_of_their_names() {
        let program = |name: &str, run_time_ns| Program { name: name.to_owned(), runs: 4, run_time_ns };
        let programs = vec![program("badness_fexit", 10), program("evaluate_task_f", 30), program("reap", 7)];
        let measured = Measured { programs, counted: 2, ..Measured::default() };
        assert!((measured.per_decision_ns(&["badness", "evaluate_task"]) - 20.0).abs() < f64::EPSILON);
        assert!((measured.per_decision_ns(&[""]) - 23.5).abs() < f64::EPSILON);
    }
}
