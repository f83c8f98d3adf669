//! `cargo xtask test`: runs and counts all tests.

mod ahead;
pub(crate) mod alarms;
mod cargo;
mod checks;
mod conditions;
mod containers;
pub(crate) mod endings;
mod experiments;
mod guests;
pub(crate) mod local;
mod pages;
pub(crate) mod storms;
mod tally;
mod unit_file;

use std::process::ExitCode;

use anyhow::Result;

pub(crate) use self::tally::Tally;
use crate::host::run::say;

/// Options of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only this part; repeatable
    #[arg(long, value_enum)]
    only: Vec<Part>,
}

/// The parts of a test run.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// `cargo test`
    Crates,
    /// Format, lints, house rules, and the eBPF objects
    Checks,
    /// Real kills on this machine
    Local,
    /// Kills in containers of real runtimes on this machine
    Containers,
    /// Pages in a real browser
    Pages,
    /// Real kernels in guests
    Guests,
}

impl Part {
    const ALL: [Self; 6] =
        [Self::Crates, Self::Checks, Self::Local, Self::Containers, Self::Pages, Self::Guests];

    fn run(self, tally: &mut Tally) -> Result<()> {
        match self {
            Self::Crates => {
                say("tests of the crates");
                cargo::run(tally)?;
            }
            Self::Checks => {
                say("format, lints, house rules, and the eBPF object");
                checks::run(tally);
            }
            Self::Local => {
                say("real kills on this machine");
                local::run(tally);
            }
            Self::Containers => {
                say("kills in containers of real runtimes on this machine");
                containers::run(tally);
            }
            Self::Pages => {
                say("pages in a real browser");
                pages::run(tally);
            }
            Self::Guests => {
                say("real kernels in guests");
                guests::run(tally);
            }
        }
        Ok(())
    }
}

/// Sets up what the tests need, runs them, and prints one final line with the counts.
pub(crate) fn task(arguments: &Arguments) -> Result<ExitCode> {
    let mut tally = Tally::default();
    let wanted = |part: &Part| arguments.only.is_empty() || arguments.only.contains(part);
    if wanted(&Part::Guests) {
        ahead::compile();
    }
    for part in Part::ALL.into_iter().filter(wanted) {
        part.run(&mut tally)?;
    }
    println!("{}", tally.render());
    Ok(if tally.is_green() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
