//! Damage to the file as a whole.

use oomtrace::recording::{HEADER_BYTES, header};

use super::{Damage, Input, odd_number, overwrite, place};
use crate::corpus::Corpus;

/// The greatest length of garbage.
const GARBAGE_BYTES: usize = 4096;

/// Flips up to three bits after the header.
pub(super) fn flipped(corpus: &Corpus, random: &mut fastrand::Rng) -> Input {
    let (index, recording) = corpus.pick(random);
    let mut bytes = recording.bytes.clone();
    for _ in 0..random.usize(1..=3) {
        let at = random.usize(HEADER_BYTES.min(bytes.len().saturating_sub(1))..bytes.len().max(1));
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << random.u8(..8);
        }
    }
    Input { bytes, damage: Damage::Noticed(index) }
}

/// Cuts off the end, or fills it with zeros as if it was never written.
pub(super) fn cut(corpus: &Corpus, random: &mut fastrand::Rng) -> Input {
    let (index, recording) = corpus.pick(random);
    let mut bytes = recording.bytes.clone();
    bytes.truncate(HEADER_BYTES + place(bytes.len().saturating_sub(HEADER_BYTES), random));
    if random.bool() {
        bytes.resize(bytes.len() + random.usize(..10_000), 0);
    }
    Input { bytes, damage: Damage::Noticed(index) }
}

/// Overwrites numbers and removes, doubles or inserts pieces, including the header.
pub(super) fn edited(corpus: &Corpus, random: &mut fastrand::Rng) -> Input {
    let mut bytes = corpus.pick(random).1.bytes.clone();
    for _ in 0..random.usize(1..=8) {
        let begin = place(bytes.len(), random);
        let end = (begin + random.usize(..64)).min(bytes.len());
        match random.u8(..4) {
            0 => overwrite(&mut bytes, random),
            1 => drop(bytes.drain(begin..end)),
            2 => {
                let piece = bytes.get(begin..end).unwrap_or_default().to_vec();
                let at = place(bytes.len(), random);
                drop(bytes.splice(at..at, piece));
            }
            _ => {
                let piece: Vec<u8> = (0..random.usize(..64)).map(|_| random.u8(..)).collect();
                drop(bytes.splice(begin..begin, piece));
            }
        }
    }
    Input { bytes, damage: Damage::File }
}

/// Joins the beginning of one recording to the end of another.
pub(super) fn spliced(corpus: &Corpus, random: &mut fastrand::Rng) -> Input {
    let mut bytes = corpus.pick(random).1.bytes.clone();
    bytes.truncate(place(bytes.len(), random));
    let other = &corpus.pick(random).1.bytes;
    bytes.extend_from_slice(other.get(place(other.len(), random)..).unwrap_or_default());
    Input { bytes, damage: Damage::File }
}

/// Random bytes, mostly after a valid header, and often with a plausible length.
pub(super) fn garbage(random: &mut fastrand::Rng) -> Input {
    let mut bytes = if random.u8(..8) > 0 { header().to_vec() } else { Vec::new() };
    if random.bool() {
        bytes.extend_from_slice(&odd_number(random).to_le_bytes());
    }
    let length = random.usize(..GARBAGE_BYTES);
    bytes.extend((0..length).map(|_| random.u8(..)));
    Input { bytes, damage: Damage::File }
}
