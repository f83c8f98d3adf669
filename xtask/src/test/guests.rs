//! The part of the matrix that every test run covers.

use anyhow::Result;
use oomtrace_scenarios::job::Tier;

use super::{Tally, conditions, experiments};
use crate::kernels::{self, Kernel};
use crate::run::say;
use crate::vm::{self, Cell, Matrix, Verdict};

/// The series, old to new.
const SERIES: [&str; 4] = ["5.10", "6.1", "6.12", "7.3"];
/// The scenarios.
const SCENARIOS: [&str; 8] = [
    "cgroup",
    "parent",
    "oom_group",
    "cgroup_allocating",
    "odd_comm",
    "global",
    "global_allocating",
    "cgroup_v1",
];

/// Run them.
pub(crate) fn run(tally: &mut Tally) {
    if let Err(error) = vm::install_qemu() {
        return tally.skip("guests", format!("there is no QEMU: {error:#}"));
    }
    let kernels = kernels(tally);
    if kernels.is_empty() {
        return;
    }
    let conditions = conditions::run(&kernels, tally);
    let experiments = experiments::run(&kernels, tally);
    if let Err(error) = conditions.and(experiments).and(matrix(kernels, tally)) {
        tally.count("guests", Err(error));
    }
}

/// The kernels that can be had; each that cannot is a failure.
fn kernels(tally: &mut Tally) -> Vec<Kernel> {
    say(&format!("kernels {}", SERIES.join(", ")));
    let mut kernels = Vec::new();
    for series in SERIES {
        match kernels::ensure(series) {
            Ok(kernel) => kernels.push(kernel),
            Err(error) => tally.count(&format!("kernel {series}"), Err(error)),
        }
    }
    kernels
}

fn matrix(kernels: Vec<Kernel>, tally: &mut Tally) -> Result<()> {
    let scenarios = vm::choose(&SCENARIOS.map(str::to_owned))?;
    let tiers = Tier::ALL.map(Some).to_vec();
    let cells = Matrix { kernels, scenarios, tiers, jobs: None, keep_log: false }.run()?;
    print!("{}", vm::render(&cells));
    for cell in &cells {
        count(cell, tally);
    }
    Ok(())
}

fn count(cell: &Cell, tally: &mut Tally) {
    let name = format!("{} on {}, {}", cell.scenario, cell.series, cell.tier);
    match &cell.verdict {
        Verdict::Agrees => tally.pass(1),
        Verdict::NotApplicable(_) => tally.skip(name, cell.verdict.reason()),
        Verdict::Disagrees(_) | Verdict::Broken(_) | Verdict::Lost(_) => {
            tally.fail(name, cell.verdict.reason());
        }
    }
}
