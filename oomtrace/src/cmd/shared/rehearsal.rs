//! A built-in recording, replayed before the first real decision.
//!
//! The rehearsal brings the code and the data that a report needs into memory, where they are locked. Without it, the first
//! report would wait for a disk while the machine has no memory.

use std::io;

use anyhow::Result;

use super::output;
use crate::{
    cli::Format,
    kernel::{reserve, tier::Tier},
    pipeline::{Pipeline, Totals},
    recording::Reader,
    sink::Sink,
    source::replay::Replay,
};

/// Kills as the tiers `fentry` and `kprobe` see them.
static INSIDE: &[u8] = include_bytes!("rehearsal/inside.oomtrace");

/// Kills as tracepoints see them.
static TRACEPOINT: &[u8] = include_bytes!("rehearsal/tracepoint.oomtrace");

/// Replays kills of this tier, and formats them as reports are later. Nothing is printed. Then takes the memory for real kills.
///
/// # Errors
///
/// Fails if the built-in recording cannot be read.
pub(in crate::cmd) fn rehearse(tier: Tier, formats: &[Format]) -> Result<Totals> {
    let recording = if tier == Tier::Tracepoint { TRACEPOINT } else { INSIDE };
    let sinks: Vec<Box<dyn Sink>> =
        formats.iter().map(|format| output::to(*format, Box::new(io::sink()), true)).collect();
    let mut source = Replay::new(Reader::new(recording)?);
    let (totals, _) = Pipeline::new(sinks, Box::new(|_| true)).run(&mut source)?;
    reserve::take();
    Ok(totals)
}

#[cfg(test)]
mod tests {
    use super::{INSIDE, TRACEPOINT, rehearse};
    use crate::{cli::Format, kernel::tier::Tier};

    #[test]
    fn reports_kills_in_each_format() {
        for tier in [Tier::Fentry, Tier::Kprobe, Tier::Tracepoint] {
            for formats in [&[] as &[Format], &[Format::Line], &[Format::Full], &[Format::Json, Format::Line]]
            {
                let totals = rehearse(tier, formats).unwrap();
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
