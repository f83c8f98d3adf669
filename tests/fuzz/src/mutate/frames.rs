//! Damage with correct checksums: frames that no recorder writes, in files that every reader must accept.

use oomtrace::recording::{append, header};
use oomtrace_common::frame::Kind;

use super::{Damage, Input, overwrite, place, text};
use crate::corpus::Corpus;

/// Bytes of a frame before its event.
const FRAME_HEADER_BYTES: usize = 24;

/// The frames of a recording, some of them changed, moved, doubled, omitted or replaced by another recording's.
pub(super) fn changed(corpus: &Corpus, random: &mut fastrand::Rng) -> Input {
    let mut frames = corpus.pick(random).1.frames.clone();
    let wild = random.u8(..4) == 0;
    for _ in 0..random.usize(1..=if wild { 24 } else { 3 }) {
        change(corpus, &mut frames, random);
    }
    let mut bytes = header().to_vec();
    for frame in &frames {
        // A frame that is too long is omitted, as a recorder omits it.
        let _ = append(frame, &mut bytes);
    }
    Input { bytes, damage: Damage::Frames }
}

fn change(corpus: &Corpus, frames: &mut Vec<Vec<u8>>, random: &mut fastrand::Rng) {
    let at = random.usize(..frames.len().max(1));
    match random.u8(..12) {
        0 => drop((at < frames.len()).then(|| frames.remove(at))),
        1 => {
            let other = random.usize(..frames.len().max(1));
            if at < frames.len() && other < frames.len() {
                frames.swap(at, other);
            }
        }
        2 => {
            let foreign = &corpus.pick(random).1.frames;
            let one = foreign.get(random.usize(..foreign.len().max(1))).cloned().unwrap_or_default();
            frames.insert(place(frames.len(), random), one);
        }
        3 => {
            if let Some(one) = frames.get(at).cloned() {
                frames.insert(place(frames.len(), random), one);
            }
        }
        _ => {
            if let Some(frame) = frames.get_mut(at) {
                inside(frame, random);
            }
        }
    }
}

/// Changes the bytes of a frame.
fn inside(frame: &mut Vec<u8>, random: &mut fastrand::Rng) {
    match random.u8(..8) {
        0 => kind(frame, random),
        1 => overwrite(frame.get_mut(..FRAME_HEADER_BYTES).unwrap_or_default(), random),
        2 => {
            let payload = frame.len().saturating_sub(FRAME_HEADER_BYTES);
            frame.truncate(FRAME_HEADER_BYTES + place(payload, random));
            tell_length(frame, random);
        }
        3 => {
            let more = random.usize(1..2048);
            frame.extend((0..more).map(|_| if more.is_multiple_of(2) { 0 } else { random.u8(..) }));
            tell_length(frame, random);
        }
        4 | 5 if is_text(frame) => {
            let payload = frame.split_off(FRAME_HEADER_BYTES.min(frame.len()));
            frame.extend(text::changed(payload, random));
            tell_length(frame, random);
        }
        _ => {
            for _ in 0..random.usize(1..=4) {
                overwrite(frame.get_mut(FRAME_HEADER_BYTES..).unwrap_or_default(), random);
            }
        }
    }
}

/// Changes the kind of a frame and keeps its bytes.
fn kind(frame: &mut [u8], random: &mut fastrand::Rng) {
    let known = Kind::ALL.get(random.usize(..Kind::ALL.len())).map_or(0, |kind| kind.number());
    let number = if random.u8(..4) > 0 { known } else { random.u16(..) };
    for (to, from) in frame.iter_mut().zip(number.to_le_bytes()) {
        *to = from;
    }
}

/// Sets the length, mostly to the true one: a frame with a wrong length ends its batch.
fn tell_length(frame: &mut [u8], random: &mut fastrand::Rng) {
    if random.u8(..8) == 0 {
        return;
    }
    let length = u32::try_from(frame.len().saturating_sub(FRAME_HEADER_BYTES)).unwrap_or(u32::MAX);
    for (to, from) in frame.iter_mut().skip(4).zip(length.to_le_bytes()) {
        *to = from;
    }
}

/// Whether the event is JSON.
fn is_text(frame: &[u8]) -> bool {
    frame.first_chunk().is_some_and(|kind| u16::from_le_bytes(*kind) >= Kind::FIRST_CONTEXT)
}
