//! A recording made longer: it repeats the same kills, each time later.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use anyhow::{Context as _, Result, ensure};

/// Sizes in bytes: the header of a recording, the header of a record, and the header of a frame.
const HEADER_BYTES: usize = 16;
const RECORD_HEAD_BYTES: usize = 8;
const FRAME_HEAD_BYTES: usize = 24;
/// Records begin at multiples of `ALIGNMENT`, and after padding at multiples of `BLOCK_BYTES`.
const ALIGNMENT: usize = 8;
const BLOCK_BYTES: usize = 4096;
/// Offsets of the kernel's times in a frame: when the frame was made, and when its pass began.
const TIMES: [usize; 2] = [8, 16];
/// Time between the last frame of a round and the first of the next. It is longer than any incident stays open.
const PAUSE_NS: u64 = 60_000_000_000;

/// The frames of a recording.
pub(super) struct Recording {
    header: Vec<u8>,
    session: Vec<u8>,
    frames: Vec<Vec<u8>>,
    round_ns: u64,
}

impl Recording {
    /// Reads a recording.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).context("reading the recording")?;
        let mut frames = frames(&bytes).context("the recording ends inside a record")?;
        ensure!(frames.len() > 1, "an empty recording");
        let session = frames.remove(0);
        let times: Vec<u64> = frames.iter().filter_map(|frame| time(frame, 8)).collect();
        let (first, last) = (times.iter().min().copied(), times.iter().max().copied());
        let round_ns = last.zip(first).map_or(0, |(last, first)| last - first) + PAUSE_NS;
        Ok(Self { header: bytes.get(..HEADER_BYTES).unwrap_or_default().to_vec(), session, frames, round_ns })
    }

    /// Writes the beginning of a recording, and returns the number of bytes.
    pub(super) fn write_head(&self, output: &mut impl Write) -> io::Result<u64> {
        output.write_all(&self.header)?;
        Ok(self.header.len() as u64 + write_record(output, &self.session)?)
    }

    /// Writes all frames except the session, `round` rounds later, and returns the number of bytes.
    pub(super) fn write_round(&self, output: &mut impl Write, round: u64) -> io::Result<u64> {
        let mut written = 0;
        for frame in &self.frames {
            let mut frame = frame.clone();
            for at in TIMES {
                let later = time(&frame, at).filter(|ns| *ns > 0).map(|ns| ns + round * self.round_ns);
                if let (Some(later), Some(place)) = (later, frame.get_mut(at..at + 8)) {
                    place.copy_from_slice(&later.to_le_bytes());
                }
            }
            written += write_record(output, &frame)?;
        }
        Ok(written)
    }
}

fn time(frame: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*frame.get(at..)?.first_chunk()?))
}

/// Splits a complete recording into its frames. Returns `None` if it ends inside a record.
fn frames(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (mut frames, mut at) = (Vec::new(), HEADER_BYTES);
    while at + RECORD_HEAD_BYTES <= bytes.len() {
        let length = usize::try_from(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?)).ok()?;
        if length == 0 {
            at = (at + 1).next_multiple_of(BLOCK_BYTES);
            continue;
        }
        let from = at + RECORD_HEAD_BYTES;
        frames.push(bytes.get(from..from + length).filter(|frame| frame.len() >= FRAME_HEAD_BYTES)?.to_vec());
        at = (from + length).next_multiple_of(ALIGNMENT);
    }
    Some(frames)
}

fn write_record(output: &mut impl Write, frame: &[u8]) -> io::Result<u64> {
    let length = u32::try_from(frame.len()).map_err(io::Error::other)?.to_le_bytes();
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&length), frame).to_le_bytes();
    let bytes = (RECORD_HEAD_BYTES + frame.len()).next_multiple_of(ALIGNMENT);
    let padding = bytes - RECORD_HEAD_BYTES - frame.len();
    for part in [length.as_slice(), &checksum, frame, [0; ALIGNMENT].get(..padding).unwrap_or_default()] {
        output.write_all(part)?;
    }
    Ok(bytes as u64)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Recording, frames, time};
    use crate::host::workspace;

    /// Returns the path of a real recording, which has padded blocks.
    fn golden() -> std::path::PathBuf {
        Path::new(&workspace::root()).join("tests/recordings/v1-oom_group.oomtrace")
    }

    #[test]
    fn round_repeats_each_frame_once_and_later() {
        let recording = Recording::read(&golden()).unwrap();
        let mut longer = Vec::new();
        recording.write_head(&mut longer).unwrap();
        for round in 0..3 {
            recording.write_round(&mut longer, round).unwrap();
        }
        let all = frames(&longer).unwrap();
        let once = frames(&std::fs::read(golden()).unwrap()).unwrap();
        assert_eq!(all.len(), 1 + 3 * (once.len() - 1));
        assert_eq!(all[..once.len()], once);
        let (first, again) = (&once[1], &all[once.len()]);
        assert_eq!(time(again, 8).unwrap(), time(first, 8).unwrap() + recording.round_ns);
        assert_eq!(first[24..], again[24..]);
    }
}
