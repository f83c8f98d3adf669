//! Damages real recordings in many ways and sends each down the whole road: reader, decoder, assembler, report, JSON, page,
//! `whatif`. `judge` contains the checks. Each input also tests the path of a cgroup (`path`).
//!
//! An input depends only on the seed and its number, so `--first NUMBER --inputs 1` reproduces a failing one. A limit on this
//! process's memory stands for a limit on the reader's: exceeding it ends the process.

mod corpus;
mod judge;
mod mutate;
mod path;
mod tally;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use rustix::process::{Resource, Rlimit, setrlimit};

use self::{corpus::Corpus, judge::Judge, mutate::Input, tally::Tally};

/// Inputs that a thread takes at a time.
const PORTION: u64 = 256;

/// Damage recordings and check that nothing breaks
#[derive(Parser)]
struct Arguments {
    /// Recordings to start from: files
    #[arg(required_unless_present = "paths")]
    recordings: Vec<PathBuf>,
    /// Only test the paths of cgroups, which takes much less time
    #[arg(long)]
    paths: bool,
    /// How many inputs
    #[arg(long, default_value_t = 100_000)]
    inputs: u64,
    /// The number of the first one
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// The seed of the inputs; seed and number determine an input
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Data that this process may have, in MiB
    #[arg(long, default_value_t = 128)]
    memory_mib: u64,
    /// Threads (default: one per processor)
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = if arguments.paths {
        path::run(arguments.seed, arguments.first, arguments.inputs)
    } else {
        run(&arguments).map(|tally| tally.render())
    };
    match done {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("oomtrace-fuzz: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<Tally> {
    let corpus = Corpus::read(&arguments.recordings)?;
    let bytes = arguments.memory_mib << 20;
    let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
    setrlimit(Resource::Data, limit).context("limiting this process's memory")?;
    let judge = Judge::new(&corpus)?;
    let usual = || thread::available_parallelism().map_or(1, Into::into);
    let next = AtomicU64::new(arguments.first);
    let tallies: Vec<Result<Tally>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..arguments.threads.unwrap_or_else(usual))
            .map(|_| scope.spawn(|| work(arguments, &corpus, &judge, &next)))
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| bail!("a thread died"))).collect()
    });
    tallies.into_iter().try_fold(Tally::default(), |sum, tally| Ok(sum.plus(tally?)))
}

fn work(arguments: &Arguments, corpus: &Corpus, judge: &Judge, next: &AtomicU64) -> Result<Tally> {
    let mut tally = Tally::default();
    let end = arguments.first.saturating_add(arguments.inputs);
    loop {
        let begin = next.fetch_add(PORTION, Ordering::Relaxed);
        if begin >= end {
            return Ok(tally);
        }
        for number in begin..end.min(begin.saturating_add(PORTION)) {
            let input = Input::new(corpus, arguments.seed, number);
            let judged = catch_unwind(AssertUnwindSafe(|| {
                path::judge(arguments.seed, number)?;
                judge.input(&input, number, &mut tally)
            }));
            let again = || {
                format!(
                    "input {number}: reproduce with --seed {} --first {number} --inputs 1",
                    arguments.seed
                )
            };
            judged.unwrap_or_else(|_| bail!("a panic")).with_context(again)?;
        }
    }
}
