//! Tests the predictions of `oomtrace whatif` in guests: the kernel must do what was predicted.

use anyhow::{Error, Result, anyhow, ensure};
use oomtrace_object::Arch;
use oomtrace_scenarios::experiment::{self, Experiment};
use oomtrace_scenarios::job::Tier;
use oomtrace_scenarios::observation::ExperimentRun;
use serde_json::Value;

use super::guest::programs::{self, Programs};
use super::{abreast, commands};
use crate::kernels::Kernel;

/// The tiers that trace the decision.
pub(crate) const TIERS: [Tier; 2] = [Tier::Fentry, Tier::Kprobe];

/// An experiment on a kernel with a tier.
pub(crate) struct Tried {
    /// Experiment, kernel and tier.
    pub(crate) name: String,
    /// Whether the prediction came true.
    pub(crate) result: Result<()>,
}

/// Run every experiment on every kernel and tier, and print each result to standard output.
pub(crate) fn run(kernels: &[&Kernel], tiers: &[Tier]) -> Result<Vec<Tried>> {
    let arch = kernels.first().map_or(Arch::X86_64, |kernel| kernel.arch);
    let programs = programs::build_for(arch, true)?;
    let experiments = experiment::all();
    let guests = kernels.iter().flat_map(|kernel| tiers.iter().map(move |&tier| (*kernel, tier))).collect();
    let tried = abreast::map(guests, |(kernel, tier)| in_guest(kernel, &programs, &experiments, tier));
    Ok(tried.into_iter().flatten().collect())
}

fn in_guest(kernel: &Kernel, programs: &Programs, all: &[Experiment], tier: Tier) -> Vec<Tried> {
    let name = |what: &str| format!("whatif, {what}, on {}, {}", kernel.series, tier.name());
    match commands::experiment(kernel, programs, all, tier) {
        Ok(runs) => all
            .iter()
            .enumerate()
            .map(|(number, experiment)| {
                let run = runs.get(number);
                let tried = Tried { name: name(&experiment.name), result: judge(experiment, run) };
                println!("{}\n    {}", progress(&tried), run.map_or_else(String::new, said));
                tried
            })
            .collect(),
        Err(error) => vec![Tried { name: name("all"), result: Err(error) }],
    }
}

fn judge(experiment: &Experiment, run: Option<&ExperimentRun>) -> Result<(), Error> {
    let run = run.ok_or_else(|| anyhow!("the experiment was not run"))?;
    let wrong = experiment::judge(experiment, run);
    ensure!(wrong.is_empty(), "{}", wrong.join("\n    "));
    Ok(())
}

fn progress(tried: &Tried) -> String {
    match &tried.result {
        Ok(()) => format!("{}: came true", tried.name),
        Err(error) => format!("{}: FAILED\n    {error:#}", tried.name),
    }
}

/// The summary of the answer.
fn said(run: &ExperimentRun) -> String {
    let answer: Option<Value> = serde_json::from_str(&run.answer.stdout.to_chars()).ok();
    let summary = answer.as_ref().and_then(|answer| answer.get("summary")?.as_str());
    summary.unwrap_or("no answer").to_owned()
}
