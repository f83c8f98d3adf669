//! Inputs: recordings damaged as disks, crashes and enemies damage them.

mod file;
mod frames;
mod text;

use crate::corpus::Corpus;

/// One input.
pub(crate) struct Input {
    /// The file.
    pub(crate) bytes: Vec<u8>,
    /// What was done to it.
    pub(crate) damage: Damage,
}

/// What may be expected of the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// The recording of this number with a few bits flipped or its end cut off: what is read are its first frames.
    Noticed(usize),
    /// Bytes of the file replaced, moved or made up: checksums do not fit, or do by design.
    File,
    /// Frames changed, and their checksums made to fit: whatever a frame may hold reaches the decoder.
    Frames,
}

impl Input {
    /// The input of that number.
    pub(crate) fn new(corpus: &Corpus, seed: u64, number: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number);
        match random.u8(..10) {
            0 => file::flipped(corpus, &mut random),
            1 => file::cut(corpus, &mut random),
            2 => file::edited(corpus, &mut random),
            3 => file::spliced(corpus, &mut random),
            4 => file::garbage(&mut random),
            _ => frames::changed(corpus, &mut random),
        }
    }
}

/// A place before which there are `length` of something.
fn place(length: usize, random: &mut fastrand::Rng) -> usize {
    random.usize(..=length)
}

/// A number that breaks things more often than others.
fn odd_number(random: &mut fastrand::Rng) -> u64 {
    const ODD: [u64; 16] = [
        0,
        1,
        7,
        23,
        24,
        0x7f,
        0xff,
        0xffff,
        0x000f_ffff,
        0x0010_0000,
        0x0010_0001,
        0x7fff_ffff,
        0xffff_ffff,
        0x7fff_ffff_ffff_ffff,
        0x8000_0000_0000_0000,
        u64::MAX,
    ];
    if random.bool() { ODD.get(random.usize(..ODD.len())).copied().unwrap_or(0) } else { random.u64(..) }
}

/// Writes a number of one, two, four or eight bytes somewhere.
fn overwrite(bytes: &mut [u8], random: &mut fastrand::Rng) {
    let width = 1_usize << random.usize(..4);
    let at = place(bytes.len().saturating_sub(width), random);
    // Half of them where a number would be.
    let at = if random.bool() { at - at % width } else { at };
    let number = odd_number(random).to_le_bytes();
    for (to, from) in bytes.iter_mut().skip(at).zip(number.iter().take(width)) {
        *to = *from;
    }
}
