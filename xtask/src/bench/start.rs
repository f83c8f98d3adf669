//! From nothing to armed, and what that takes of memory.

use std::{
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

use anyhow::{Context as _, Result};

use super::{
    Bench,
    figures::{Row, Samples},
    tracer::Tracer,
};

/// After this, it is at rest.
const SETTLED: Duration = Duration::from_millis(50);

/// The tier, and a row for each figure.
pub(super) fn measure(bench: &Bench, starts: u32) -> Result<(String, Vec<Row>)> {
    let (mut figures, mut tier) = (Figures::default(), String::new());
    for _ in 0..starts {
        tier = figures.sample(&bench.oomtrace)?;
    }
    Ok((tier, figures.rows()))
}

/// The same of several programs, which start in turn: what slows the machine down slows all of them.
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

/// The samples of one program, for each figure.
#[derive(Clone, Default)]
struct Figures([Vec<f64>; 4]);

impl Figures {
    /// Starts it once; returns the tier.
    fn sample(&mut self, program: &Path) -> Result<String> {
        let tracer = Tracer::start(program, None)?;
        sleep(SETTLED);
        let mib = |name| tracer.status_kib(name).map(|kib| f64::from(kib) / 1024.0);
        let sample = [tracer.took.as_secs_f64() * 1e3, mib("VmRSS")?, mib("RssAnon")?, mib("VmHWM")?];
        self.0.iter_mut().zip(sample).for_each(|(figure, value)| figure.push(value));
        let tier = tier_of(&tracer.armed).context("oomtrace does not name its tier")?.to_owned();
        tracer.end()?;
        Ok(tier)
    }

    fn rows(self) -> Vec<Row> {
        let samples = self.0.map(Samples::new);
        let [took, rss, anon, peak] =
            samples.map(|samples| samples.map_or_else(String::new, |samples| samples.spread()));
        vec![
            Row::new("start to armed, ms", "25", took),
            Row::new("resident at rest (VmRSS), MiB", "5", rss),
            Row::new("- of that its own data (RssAnon), MiB", "", anon),
            Row::new("resident at most (VmHWM), MiB", "16", peak),
        ]
    }
}

/// As in `oomtrace: armed, tier fentry (a remark)`.
fn tier_of(armed: &str) -> Option<&str> {
    let (_, tier) = armed.split_once("tier ")?;
    tier.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::tier_of;

    #[test]
    fn the_tier_is_what_the_tracer_says() {
        assert_eq!(tier_of("oomtrace: armed, tier kprobe (without a privilege)\n"), Some("kprobe"));
        assert_eq!(tier_of("oomtrace: armed, tier fentry\n"), Some("fentry"));
        assert_eq!(tier_of("oomtrace: something else\n"), None);
    }
}
