//! Tests which frames cause which reads.

use oomtrace_common::{
    event::{Emptiness, EmptyPasses, MarkVictim, OutOfMemory, Zone},
    frame::{FrameHeader, Kind, Wire},
};
use zerocopy::{FromZeros as _, Immutable, IntoBytes};

use super::ShortageLookups;
use crate::frame::Frame;

fn note<T: Wire + IntoBytes + Immutable>(lookups: &mut ShortageLookups, pass: u64, event: &T) {
    let header = FrameHeader { kind: T::KIND.number(), reserved: 0, len: 0, boot_ns: 0, pass };
    lookups.note(&header, event.as_bytes());
}

/// Returns the kinds and passes of the frames that all reads produce.
fn looks(lookups: &mut ShortageLookups) -> Vec<(Kind, u64)> {
    let mut batch = Vec::new();
    while lookups.look_up_state(&mut batch) || lookups.look_around(&mut batch) {}
    let of = |frame: Frame<'_>| (Kind::from_number(frame.header.kind).unwrap(), frame.header.pass);
    Frame::each(&batch).map(|(frame, _)| of(frame)).collect()
}

fn entry(flags: u32) -> OutOfMemory {
    OutOfMemory { flags, ..OutOfMemory::new_zeroed() }
}

#[test]
fn reads_a_decision_once_and_the_surroundings_last() {
    let mut lookups = ShortageLookups::open();
    note(&mut lookups, 5, &entry(OutOfMemory::MEMCG));
    assert_eq!(looks(&mut lookups), [(Kind::Meminfo, 5), (Kind::Surroundings, 5)]);
    assert_eq!(looks(&mut lookups), []);
}

#[test]
fn reads_zones_if_the_kernel_side_sent_none() {
    let mut lookups = ShortageLookups::open();
    note(&mut lookups, 0, &MarkVictim::new_zeroed());
    let expected = [(Kind::Zones, 0), (Kind::Meminfo, 0), (Kind::Surroundings, 0)];
    assert_eq!(looks(&mut lookups), expected);

    let mut lookups = ShortageLookups::open();
    note(&mut lookups, 6, &entry(0));
    assert_eq!(looks(&mut lookups)[..2], [(Kind::Zones, 6), (Kind::Meminfo, 6)]);

    let mut lookups = ShortageLookups::open();
    note(&mut lookups, 7, &entry(OutOfMemory::ZONELIST));
    note(&mut lookups, 7, &Zone::new_zeroed());
    assert_eq!(looks(&mut lookups)[0], (Kind::Meminfo, 7));
}

#[test]
fn reads_the_surroundings_of_a_storm_once() {
    let mut lookups = ShortageLookups::open();
    for pass in 1..2000 {
        note(&mut lookups, pass, &entry(0));
        note(&mut lookups, 0, &MarkVictim::new_zeroed());
    }
    assert!(lookups.wanted.len() <= super::MOST_WANTED);
    let surroundings = looks(&mut lookups).into_iter().filter(|(kind, _)| *kind == Kind::Surroundings);
    assert_eq!(surroundings.count(), 1);
}

#[test]
fn reads_a_run_of_empty_passes_once() {
    let mut lookups = ShortageLookups::open();
    #[expect(clippy::as_conversions, reason = "the discriminants are the numbers")]
    let run = |count, emptiness: Emptiness| EmptyPasses {
        count,
        emptiness: emptiness as u32,
        flags: OutOfMemory::MEMCG,
        ..EmptyPasses::new_zeroed()
    };
    note(&mut lookups, 8, &run(2, Emptiness::NothingToKill));
    note(&mut lookups, 8, &run(1, Emptiness::VictimDying));
    assert_eq!(looks(&mut lookups), []);
    note(&mut lookups, 8, &run(1, Emptiness::NothingToKill));
    assert_eq!(looks(&mut lookups), [(Kind::Meminfo, 8), (Kind::Surroundings, 8)]);
}

#[test]
fn ignores_frames_that_are_not_decisions() {
    let mut lookups = ShortageLookups::open();
    note(&mut lookups, 9, &MarkVictim::new_zeroed());
    for kind in 0..0x120 {
        let header = FrameHeader { kind, reserved: 0, len: 0, boot_ns: 0, pass: 9 };
        lookups.note(&header, b"torn");
    }
    assert_eq!(looks(&mut lookups), [], "a mark in a pass, and torn frames");
}
