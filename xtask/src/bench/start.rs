//! From nothing to armed, and what that takes of memory.

use std::{thread::sleep, time::Duration};

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
    let mut figures: [Vec<f64>; 4] = Default::default();
    let mut tier = String::new();
    for _ in 0..starts {
        let tracer = Tracer::start(bench, None)?;
        sleep(SETTLED);
        let mib = |name| tracer.status_kib(name).map(|kib| f64::from(kib) / 1024.0);
        let sample = [tracer.took.as_secs_f64() * 1e3, mib("VmRSS")?, mib("RssAnon")?, mib("VmHWM")?];
        figures.iter_mut().zip(sample).for_each(|(figure, value)| figure.push(value));
        tier = tier_of(&tracer.armed).context("oomtrace does not name its tier")?.to_owned();
        tracer.end()?;
    }
    let [took, rss, anon, peak] =
        figures.map(Samples::new).map(|samples| samples.map_or_else(String::new, |samples| samples.spread()));
    Ok((
        tier,
        vec![
            Row::new("start to armed, ms", "25", took),
            Row::new("resident at rest (VmRSS), MiB", "5", rss),
            Row::new("- of that its own data (RssAnon), MiB", "", anon),
            Row::new("resident at most (VmHWM), MiB", "16", peak),
        ],
    ))
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
