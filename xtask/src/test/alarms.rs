//! `cargo xtask alarms`: ordinary kills beside an almost full cgroup. It counts how many of them oomtrace reports as kills
//! because of memory.

mod ordinary;
mod place;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use self::{ordinary::Way, place::Place};
use super::local::{Local, tracer::Tracer};
use crate::host::{run::say, scratch, setup};

/// `cargo xtask alarms`
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many kills of each kind
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    kills: u32,
}

/// Kills for the control: enough to show that such kills are reported at all.
const CONTROL: u32 = 5;

/// The limit of false alarms: one in this many kills.
const ONE_OF: u32 = 1000;

/// Runs the kills and prints the table of docs/verdicts.md.
pub(crate) fn task(arguments: &Arguments) -> Result<()> {
    ensure!(setup::is_root()?, "tracing and creating cgroups need root: run `sudo cargo xtask alarms`");
    let hierarchy =
        scratch::hierarchy().context("no cgroup hierarchy with the memory controller can be written")?;
    let local = Local::new(hierarchy)?;
    let control = count(&local, Place::Full, Way::Parent, CONTROL)?;
    ensure!(
        control > 0,
        "none of {CONTROL} kills in a full cgroup was reported: the tracer does not work here"
    );
    println!("| where | how | kills | reported |\n| --- | --- | --- | --- |");
    let (mut kills, mut reported) = (0, 0);
    for place in [Place::Beside, Place::Cached] {
        for way in Way::ALL {
            let found = count(&local, place, way, arguments.kills)?;
            println!("| {} | {} | {} | {found} |", place.words(), way.words(), arguments.kills);
            (kills, reported) = (kills + arguments.kills, reported + found);
        }
    }
    println!("\n{reported} of {kills}; in a cgroup full of anonymous memory {control} of {CONTROL}");
    ensure!(
        reported * ONE_OF <= kills,
        "{reported} of {kills} ordinary kills were reported as kills for memory"
    );
    Ok(())
}

/// Kills this many processes and returns how many are reported.
fn count(local: &Local, place: Place, way: Way, kills: u32) -> Result<u32> {
    say(&format!("{kills} times {}, {}", way.words(), place.words()));
    let scene = place.set(local)?;
    let tracer = Tracer::start(local, &["watch", "--format", "json"])?;
    let done = (0..kills).try_for_each(|_| way.kill(&scene));
    let reports = tracer.end("-INT")?.reports()?;
    done?;
    let sent =
        reports.iter().map(|report| report.pointer("/sent/count").and_then(Value::as_u64).unwrap_or(1));
    u32::try_from(sent.sum::<u64>()).context("counting the reports")
}
