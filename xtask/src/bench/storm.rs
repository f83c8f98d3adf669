//! Measures kills at the highest rate that this machine reaches, with the tracer and without.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Instant,
};

use anyhow::{Context as _, Result, anyhow};

use super::{Bench, figures::Row, kills::kill_one, tracer::Tracer};

/// Number of hogs at the same time, each in its own cgroup.
const HOGS: usize = 4;

/// Measures. Returns a recording of the storm, and a row for each figure.
pub(super) fn measure(bench: &Bench, kills: u32) -> Result<(PathBuf, Vec<Row>)> {
    let without = rate(bench, kills)?;
    let recording = bench.folder.path().join("storm");
    let tracer = Tracer::start(&bench.oomtrace, Some(&recording))?;
    let with = rate(bench, kills)?;
    let (said, lines) = tracer.end()?;
    let lost = lost(&said).with_context(|| format!("oomtrace does not count its losses: {said}"))?;
    let rows = vec![
        Row::new("kills per second, not traced", "", format!("{without:.0}")),
        Row::new("kills per second, traced and recorded", "as not traced", format!("{with:.0}")),
        Row::new(format!("reports of {kills} kills / frames lost"), "all / 0", format!("{lines} / {lost}")),
    ];
    Ok((recording, rows))
}

/// Returns the number of kills per second.
fn rate(bench: &Bench, kills: u32) -> Result<f64> {
    let names = (0..HOGS).map(|number| format!("oomtrace-bench-storm-{number}"));
    let scratches: Vec<_> = names.map(|name| bench.scratch(&name)).collect::<Result<_>>()?;
    let begun = AtomicU32::new(0);
    let began = Instant::now();
    thread::scope(|scope| {
        let run = |scratch| -> Result<()> {
            while begun.fetch_add(1, Ordering::Relaxed) < kills {
                kill_one(bench, scratch)?;
            }
            Ok(())
        };
        let threads: Vec<_> = scratches.iter().map(|scratch| scope.spawn(move || run(scratch))).collect();
        let ended =
            threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a hog's thread died"))?);
        ended.collect::<Result<()>>()
    })?;
    Ok(f64::from(kills) / began.elapsed().as_secs_f64())
}

/// Reads the number of lost frames from a line such as `oomtrace: 1 incident, 1 victim, 9 frames, 0 lost`.
fn lost(said: &str) -> Option<u64> {
    let (before, _) = said.trim_end().rsplit_once(" lost")?;
    before.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::lost;

    #[test]
    fn reads_losses_from_totals() {
        assert_eq!(lost("oomtrace: 3 incidents, 3 victims, 17 frames, 12 lost\n"), Some(12));
        assert_eq!(lost("oomtrace: the output could not be written\n"), None);
    }
}
