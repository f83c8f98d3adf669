//! Counts of the results.

use std::fs;

/// The results of inputs.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) inputs: u64,
    pub(crate) bytes: u64,
    pub(crate) frames: u64,
    /// Files that are not recordings, or have a newer format.
    pub(crate) refused: u64,
    /// Files in which a record is damaged.
    pub(crate) damaged: u64,
    /// Files that end inside a record.
    pub(crate) torn: u64,
    /// Invalid frames, and frames whose JSON does not fit their kind.
    pub(crate) undecoded: u64,
    pub(crate) incidents: u64,
    pub(crate) pages: u64,
    /// Answered questions of `whatif`.
    pub(crate) answers: u64,
}

impl Tally {
    /// The sum of both.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            inputs: self.inputs + other.inputs,
            bytes: self.bytes + other.bytes,
            frames: self.frames + other.frames,
            refused: self.refused + other.refused,
            damaged: self.damaged + other.damaged,
            torn: self.torn + other.torn,
            undecoded: self.undecoded + other.undecoded,
            incidents: self.incidents + other.incidents,
            pages: self.pages + other.pages,
            answers: self.answers + other.answers,
        }
    }

    /// The counts as a sentence.
    pub(crate) fn render(&self) -> String {
        let Self { inputs, bytes, frames, refused, damaged, torn, undecoded, incidents, pages, answers } =
            self;
        let peak = peak_kib().map_or_else(|| "-".to_owned(), |kib| format!("{} MiB", kib / 1024));
        format!(
            "{inputs} inputs ({} MiB): {refused} refused, {damaged} damaged, {torn} torn; {frames} frames, {undecoded} of \
             them not decoded; {incidents} incidents, {pages} pages, {answers} answers; at most {peak} resident",
            bytes >> 20
        )
    }
}

/// The greatest amount of resident memory of this process.
fn peak_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
