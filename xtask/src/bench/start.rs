//! Measures the time from the start to armed, and the memory.

use std::{
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use super::{
    Bench,
    figures::{Row, Samples},
    tracer::Tracer,
};

/// Time after which an armed tracer is at rest.
const SETTLED: Duration = Duration::from_millis(50);

/// Measures one program. Returns the tier, and a row for each figure.
pub(super) fn measure(bench: &Bench, starts: u32) -> Result<(String, Vec<Row>)> {
    let (mut figures, mut tier) = (Figures::default(), String::new());
    for _ in 0..starts {
        tier = figures.sample(&bench.oomtrace)?;
    }
    Ok((tier, figures.rows()))
}

/// Measures several programs, which start in turn, so that other load on the machine slows all of them equally.
pub(super) fn compare(programs: &[PathBuf], starts: u32) -> Result<(String, Vec<Row>)> {
    let (mut figures, mut tier) = (vec![Figures::default(); programs.len()], String::new());
    for _ in 0..starts {
        for (program, figures) in programs.iter().zip(&mut figures) {
            tier = figures.sample(program)?;
        }
    }
    let mut rows = Vec::new();
    for (program, figures) in programs.iter().zip(figures) {
        rows.push(Row::new(program.display().to_string(), "", ""));
        rows.extend(figures.rows());
    }
    Ok((tier, rows))
}

/// The samples of one program: four figures of `watch`, then three of `record`.
#[derive(Clone, Default)]
struct Figures([Vec<f64>; 7]);

impl Figures {
    /// Starts the program once in each mode, and returns the tier.
    fn sample(&mut self, program: &Path) -> Result<String> {
        let folder = TempDir::new().context("making a folder for a recording")?;
        let tracer = Tracer::start(program, None)?;
        let tier = tier_of(&tracer.armed).context("oomtrace does not name its tier")?.to_owned();
        let watch = figures(tracer)?;
        let [took, at_rest, _, peak] = figures(Tracer::record(program, &folder.path().join("recording"))?)?;
        let sample = watch.into_iter().chain([took, at_rest, peak]);
        self.0.iter_mut().zip(sample).for_each(|(figure, value)| figure.push(value));
        Ok(tier)
    }

    fn rows(self) -> Vec<Row> {
        const NAMES: [(&str, &str); 7] = [
            ("start to armed, ms", "15"),
            ("resident at rest (VmRSS), MiB", "3"),
            ("- of that its own data (RssAnon), MiB", ""),
            ("resident at most (VmHWM), MiB", "10"),
            ("`record`: start to armed, ms", "15"),
            ("`record`: resident at rest, MiB", "3"),
            ("`record`: resident at most, MiB", "10"),
        ];
        let spread = |samples| Samples::new(samples).map_or_else(String::new, |samples| samples.spread());
        NAMES
            .into_iter()
            .zip(self.0)
            .map(|((name, goal), samples)| Row::new(name, goal, spread(samples)))
            .collect()
    }
}

/// Measures a tracer and ends it. Returns the time of the start, and memory: at rest, its own data of that, and the peak.
fn figures(tracer: Tracer) -> Result<[f64; 4]> {
    sleep(SETTLED);
    let mib = |name| tracer.status_kib(name).map(|kib| f64::from(kib) / 1024.0);
    let figures = [tracer.took.as_secs_f64() * 1e3, mib("VmRSS")?, mib("RssAnon")?, mib("VmHWM")?];
    tracer.end()?;
    Ok(figures)
}

/// Reads the tier from a line such as `oomtrace: armed, tier fentry (a remark)`.
pub(super) fn tier_of(armed: &str) -> Option<&str> {
    let (_, tier) = armed.split_once("tier ")?;
    tier.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::tier_of;

    #[test]
    fn reads_tier_from_armed_line() {
        assert_eq!(tier_of("oomtrace: armed, tier kprobe (without a privilege)\n"), Some("kprobe"));
        assert_eq!(tier_of("oomtrace: armed, tier fentry\n"), Some("fentry"));
        assert_eq!(tier_of("oomtrace: something else\n"), None);
    }
}
