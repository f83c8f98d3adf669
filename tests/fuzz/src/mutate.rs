//! Inputs: recordings with the damage that disks, crashes and attackers cause.

mod file;
mod frames;
mod text;

use crate::corpus::Corpus;

/// One input.
pub(crate) struct Input {
    /// The file.
    pub(crate) bytes: Vec<u8>,
    /// The damage.
    pub(crate) damage: Damage,
}

/// The kind of damage, which decides what the reader must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// Recording number N with a few bits flipped or its end cut off. The reader must return its first frames.
    Noticed(usize),
    /// Bytes of the file were replaced, moved or invented. Checksums are wrong, or fit on purpose.
    File,
    /// Frames were changed and their checksums recomputed, so that any frame content reaches the decoder.
    Frames,
}

impl Input {
    /// Makes the input with this number.
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

/// A random position, at most `length`.
fn place(length: usize, random: &mut fastrand::Rng) -> usize {
    random.usize(..=length)
}

/// A number that breaks programs more often than others.
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

/// Overwrites one, two, four or eight bytes at a random position with a number.
fn overwrite(bytes: &mut [u8], random: &mut fastrand::Rng) {
    let width = 1_usize << random.usize(..4);
    let at = place(bytes.len().saturating_sub(width), random);
    // Half of the positions are aligned as numbers are.
    let at = if random.bool() { at - at % width } else { at };
    let number = odd_number(random).to_le_bytes();
    for (to, from) in bytes.iter_mut().skip(at).zip(number.iter().take(width)) {
        *to = *from;
    }
}
