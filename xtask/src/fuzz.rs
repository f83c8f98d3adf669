//! `cargo xtask fuzz`: sends damaged recordings down the road from the reader to the pages.

use std::{env, fs, path::PathBuf, process::Command, time::Instant};

use anyhow::{Context as _, Result, ensure};

use crate::{
    host::{
        run::{output, run, say},
        workspace,
    },
    vm::guest::programs,
};

/// The number of inputs of a plain run.
const INPUTS: u64 = 10_000_000;

/// The number of inputs of one process. If it dies, these inputs are tried again one by one.
const PORTION: u64 = 250_000;

/// Options of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many inputs
    #[arg(long, default_value_t = INPUTS)]
    inputs: u64,
    /// The number of the first input
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// The seed of the inputs; seed and number determine an input
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only test the paths of cgroups, which takes much less time
    #[arg(long)]
    paths: bool,
}

/// Builds the program and runs it in portions.
pub(crate) fn task(arguments: &Arguments) -> Result<()> {
    let fuzz = Fuzz::build()?;
    if arguments.paths {
        println!("{}", fuzz.paths(arguments)?);
        return Ok(());
    }
    let start = Instant::now();
    let end = arguments.first.saturating_add(arguments.inputs);
    let mut first = arguments.first;
    while first < end {
        let inputs = PORTION.min(end - first);
        println!("{} to {}: {}", first, first + inputs - 1, fuzz.run(arguments.seed, first, inputs)?);
        first += inputs;
    }
    let took = start.elapsed();
    println!("{} inputs in {} s, none broke anything", arguments.inputs, took.as_secs());
    Ok(())
}

/// Runs a few inputs, always the same, for `cargo xtask test`, with a program that is built like those of the guests.
pub(crate) fn short() -> Result<()> {
    const SHORT: u64 = 20_000;
    let program = programs::build(true)?.fuzz.context("cargo built no oomtrace-fuzz")?;
    let fuzz = Fuzz { program, recordings: recordings()? };
    println!("{}", fuzz.run(1, 0, SHORT)?);
    Ok(())
}

/// The program and the recordings to start from.
struct Fuzz {
    program: PathBuf,
    recordings: Vec<PathBuf>,
}

impl Fuzz {
    fn build() -> Result<Self> {
        say("building oomtrace-fuzz");
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let build = ["build", "--locked", "--quiet", "--profile", "fuzz", "--package", "oomtrace-fuzz"];
        run(Command::new(cargo).current_dir(workspace::root()).args(build))?;
        Ok(Self { program: workspace::target().join("fuzz/oomtrace-fuzz"), recordings: recordings()? })
    }

    fn paths(&self, arguments: &Arguments) -> Result<String> {
        let numbers =
            [("--seed", arguments.seed), ("--first", arguments.first), ("--inputs", arguments.inputs)];
        let mut command = Command::new(&self.program);
        for (option, number) in numbers {
            command.arg(option).arg(number.to_string());
        }
        Ok(output(command.arg("--paths"))?.trim().to_owned())
    }

    fn run(&self, seed: u64, first: u64, inputs: u64) -> Result<String> {
        let numbers = [("--seed", seed), ("--first", first), ("--inputs", inputs)];
        let mut command = Command::new(&self.program);
        for (option, number) in numbers {
            command.arg(option).arg(number.to_string());
        }
        let said = output(command.args(&self.recordings))
            .with_context(|| format!("inputs {first} to {} of seed {seed}", first + inputs - 1))?;
        Ok(said.trim().to_owned())
    }
}

/// The golden recordings.
pub(crate) fn recordings() -> Result<Vec<PathBuf>> {
    let folder = workspace::root().join("tests/recordings");
    let entries = fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let is_recording = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "oomtrace");
    let mut recordings: Vec<PathBuf> = paths.into_iter().filter(is_recording).collect();
    recordings.sort();
    ensure!(!recordings.is_empty(), "{} contains no recording", folder.display());
    Ok(recordings)
}
