//! Runs one experiment: record a scenario, ask the question, and run the scenario again with the change.

use std::fs;

use oomtrace_scenarios::experiment::{Experiment, RECORDING_FILE};
use oomtrace_scenarios::job::{Command, TRACER_FILE, Tier, Watch};
use oomtrace_scenarios::observation::ExperimentRun;

use crate::machine::port::Port;
use crate::{job::command, scenario};

/// Run an experiment. Errors are part of the result.
pub(crate) fn observe(experiment: &Experiment, tier: Tier, port: &mut Port) -> ExperimentRun {
    let watch = Watch::to_file(tier, RECORDING_FILE);
    let recorded = scenario::observe(&experiment.recorded, Some(&watch), port);
    let answer = command::observe(&question(experiment));
    // The tracer never overwrites a recording. If the removal fails, the next experiment reports it.
    drop(fs::remove_file(RECORDING_FILE));
    let again = scenario::observe(&experiment.again, None, port);
    ExperimentRun { recorded, answer, again }
}

fn question(experiment: &Experiment) -> Command {
    let begin = [TRACER_FILE, "whatif", RECORDING_FILE, "--incident", "1", "--format", "json"];
    let arguments = begin.into_iter().map(str::to_owned).chain(experiment.question.iter().cloned());
    Command { name: experiment.name.clone(), arguments: arguments.collect(), ..Command::default() }
}
