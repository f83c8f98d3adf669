//! A built-in recording, replayed before the first real decision.
//!
//! The rehearsal brings the code and the data that a report needs into memory, where they are locked. Without it, the first
//! report would wait for a disk while the machine has no memory.

use std::io;

use anyhow::Result;

use super::output;
use crate::{
    cli::Format,
    kernel::tier::Tier,
    pipeline::{Pipeline, Totals},
    recording::Reader,
    sink::Sink,
    source::replay::Replay,
};

/// Kills as the tiers `fentry` and `kprobe` see them.
static INSIDE: &[u8] = include_bytes!("rehearsal/inside.oomtrace");

/// Kills as tracepoints see them.
static TRACEPOINT: &[u8] = include_bytes!("rehearsal/tracepoint.oomtrace");

/// Replays kills of this tier. If `format` is set, they are formatted as reports are later. Nothing is printed.
///
/// # Errors
///
/// Fails if the built-in recording cannot be read.
pub(in crate::cmd) fn rehearse(tier: Tier, format: Option<Format>) -> Result<Totals> {
    let recording = if tier == Tier::Tracepoint { TRACEPOINT } else { INSIDE };
    let sinks: Vec<Box<dyn Sink>> =
        format.map(|format| output::to(format, Box::new(io::sink()), true)).into_iter().collect();
    let mut source = Replay::new(Reader::new(recording)?);
    let (totals, _) = Pipeline::new(sinks, Box::new(|_| true)).run(&mut source)?;
    Ok(totals)
}

#[cfg(test)]
mod tests {
    use super::{INSIDE, TRACEPOINT, rehearse};
    use crate::{cli::Format, kernel::tier::Tier};

    #[test]
    fn reports_kills_in_each_format() {
        for tier in [Tier::Fentry, Tier::Kprobe, Tier::Tracepoint] {
            for format in [None, Some(Format::Line), Some(Format::Full), Some(Format::Json)] {
                let totals = rehearse(tier, format).unwrap();
                assert!(totals.incidents > 0 && totals.victims > 0, "{totals:?}");
            }
        }
    }

    #[test]
    fn built_in_recordings_equal_golden_ones() {
        let golden = |name: &str| {
            let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/recordings/");
            std::fs::read(format!("{tests}{name}.oomtrace")).unwrap()
        };
        assert_eq!(INSIDE, golden("v1-tmpfs"));
        assert_eq!(TRACEPOINT, golden("v1-services-tracepoint"));
    }
}
