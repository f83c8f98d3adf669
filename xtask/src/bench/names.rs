//! `cargo xtask bench --names COUNT`: compares a tracer that knows the names of many containers with one that knows none.

use std::{collections::BTreeMap, path::Path, process::Command, thread::sleep, time::Duration};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{
    Bench,
    figures::{Row, Samples},
    kills::kill_one,
    start::tier_of,
    tracer::{Line, Tracer},
};
use crate::{host::run::output, named::Named};

/// Tracers of each kind, started in turn.
const ROUNDS: usize = 6;

/// Kills under each of them.
const KILLS: usize = 30;

/// The memory limit of the containers.
const LIMIT_BYTES: u64 = 2 << 20;

/// The time for reading all names. Files without a first process are read again for 4.4 s.
const READING: Duration = Duration::from_secs(8);

/// The longest time to wait for a line.
const PATIENCE: Duration = Duration::from_secs(10);

/// The figures of the tracers of one kind.
#[derive(Default)]
struct Figures {
    /// From the decision until the line was read, ms.
    latency: Vec<f64>,
    /// Resident memory, and the part that is its own, MiB.
    resident: Vec<f64>,
    own: Vec<f64>,
}

/// Measures, and returns the tracer's tier and a row for each figure.
pub(super) fn measure(bench: &Bench, count: usize) -> Result<(String, Vec<Row>)> {
    let mut named = Named::new(&bench.hierarchy)?;
    (0..count).try_for_each(|_| named.add(LIMIT_BYTES))?;
    let (mut without, mut with) = (Figures::default(), Figures::default());
    let mut tier = String::new();
    for _ in 0..ROUNDS {
        named.erase()?;
        round(bench, &named, &mut without, false)?;
        named.write(named.containers())?;
        tier = round(bench, &named, &mut with, true)?;
    }
    Ok((tier, rows(count, without, with)))
}

fn rows(count: usize, without: Figures, with: Figures) -> Vec<Row> {
    let figures = |figures: Figures| [figures.latency, figures.own, figures.resident].map(Samples::new);
    let names =
        ["decision to line read, median / p99, ms", "own data (RssAnon), MiB", "resident (VmRSS), MiB"];
    let texts = names.into_iter().zip(figures(without).into_iter().zip(figures(with)));
    texts
        .map(|(name, (without, with))| {
            let text = |samples: Option<Samples>| match samples {
                Some(samples) if name.ends_with("ms") => samples.tail(),
                Some(samples) => format!("{:.2}", samples.percentile(50)),
                None => "not seen".to_owned(),
            };
            Row::new(format!("{name}, 0 and {count} names"), "", format!("{}; {}", text(without), text(with)))
        })
        .collect()
}

/// Starts a tracer, lets it read the names, and kills in containers. Returns its tier.
fn round(bench: &Bench, named: &Named, figures: &mut Figures, is_named: bool) -> Result<String> {
    let recording = bench.folder.path().join("names.oomtrace");
    let options = ["--record".as_ref(), recording.as_os_str()];
    let tracer = Tracer::start_line(&bench.oomtrace, &options)?;
    let tier = tier_of(&tracer.armed).context("oomtrace does not name its tier")?.to_owned();
    sleep(READING);
    let mib = |name| Ok::<f64, anyhow::Error>(f64::from(tracer.status_kib(name)?) / 1024.0);
    figures.resident.push(mib("VmRSS")?);
    figures.own.push(mib("RssAnon")?);
    let mut arrived = BTreeMap::new();
    for number in 0..KILLS {
        // Containers of each engine in turn, all over the list.
        let place = number * 7919 % named.containers().len();
        let container = named.containers().get(place).context("no container")?;
        let pid = kill_one(bench, &container.scratch)?;
        let line = line_of(&tracer, pid)?;
        ensure!(line.text().contains(&container.name()) == is_named, "a wrong name: {}", line.text());
        arrived.insert(u64::from(pid), line.arrived_ns);
    }
    tracer.end()?;
    figures.latency.extend(latencies(&bench.oomtrace, &recording, &arrived)?);
    std::fs::remove_file(&recording).context("removing a recording")?;
    Ok(tier)
}

/// Waits for the line about a victim.
fn line_of(tracer: &Tracer, pid: u32) -> Result<Line> {
    let word = format!("({pid})");
    let also = format!("(pid {pid})");
    loop {
        let line = tracer.line(PATIENCE).with_context(|| format!("no line of pid {pid}"))?;
        if line.text().contains(&word) || line.text().contains(&also) {
            return Ok(line);
        }
    }
}

/// Computes the times from the decisions, which the recording has, until the lines were read, ms.
fn latencies(program: &Path, recording: &Path, arrived: &BTreeMap<u64, u64>) -> Result<Vec<f64>> {
    let replay = output(Command::new(program).arg("replay").arg(recording).args(["--format", "json"]))?;
    let mut all = Vec::new();
    for line in replay.lines() {
        let report: Value = serde_json::from_str(line).context("a report")?;
        let told = |place| report.pointer(place).and_then(Value::as_u64);
        let (Some(pid), Some(decided)) = (told("/victims/0/pid"), told("/boot_ns")) else { continue };
        if let Some(arrived) = arrived.get(&pid) {
            all.push(Duration::from_nanos(arrived.saturating_sub(decided)).as_secs_f64() * 1e3);
        }
    }
    ensure!(all.len() == arrived.len(), "{} reports of {} kills", all.len(), arrived.len());
    Ok(all)
}
