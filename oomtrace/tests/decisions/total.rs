//! Any bytes give reports or errors and never a panic, because a damaged recording may contain anything.

use oomtrace::{
    assemble::Assembler,
    decode::decode,
    explain::is_kill_for_memory,
    frame::Frame,
    report::report,
    sink::{
        Sink,
        json::Json,
        terminal::{Full, Line},
    },
};
use oomtrace_common::{
    event::{Candidate, CandidatesHead, EmptyPasses, MarkVictim, Reap},
    frame::{FrameHeader, Kind},
};
use zerocopy::{FromZeros, IntoBytes};

use crate::stream::{LIMIT, MEMCG, PODS, Stream, task, told};

/// A frame of every kind.
fn everything() -> Stream {
    let hog = task(812);
    let mut stream = Stream::new("fentry");
    stream
        .memcg_oom(hog, PODS)
        .sysctl(1)
        .looked_up(812)
        .kill(hog, hog, "Out of memory", MEMCG, LIMIT)
        .leave(1, 1);
    stream.add(Reap { tid: 812, step: 1 }).add(EmptyPasses {
        memcg: PODS,
        emptiness: 2,
        ..EmptyPasses::new_zeroed()
    });
    let rows = [Candidate { pid: 812, present: u32::MAX, ..Candidate::new_zeroed() }; 2];
    let head = CandidatesHead { head_bytes: 32, row_bytes: 104, rows: 2, ..CandidatesHead::new_zeroed() };
    stream.raw(Kind::Candidate.number(), &[head.as_bytes(), rows.as_bytes()].concat());
    stream.exit(812).tick(1).tree().add(MarkVictim { victim: task(7), trigger: hog });
    stream.context(Kind::Loss, &serde_json::json!({ "lost": { "Exit": u64::MAX, "Reap": u64::MAX } }));
    stream.context(Kind::MemoryStat, &serde_json::json!({ "memcg": PODS, "stat": { "anon": 1 } }));
    stream
}

/// Sends the bytes through everything downstream of the frames, including all sinks.
fn through(bytes: &[u8]) -> usize {
    let mut assembler = Assembler::new(is_kill_for_memory);
    let mut steps = Vec::new();
    for (frame, _) in Frame::each(bytes) {
        if let Ok(Some(event)) = decode(&frame) {
            assembler.push(event, &mut steps);
            let _ = assembler.next_deadline_ns();
        }
    }
    assembler.finish(&mut steps);
    let mut output = Vec::new();
    for report in &told(&steps).closed {
        Json::new(&mut output).closed(report).unwrap();
        Full::new(&mut output, true).closed(report).unwrap();
        Line::new(&mut output, false).closed(report).unwrap();
    }
    steps.len()
}

#[test]
fn decodes_or_rejects_every_truncated_frame() {
    for (frame, whole) in Frame::each(&everything().bytes) {
        for length in 0..frame.payload.len() {
            let len = u32::try_from(length).unwrap();
            let mut bytes = FrameHeader { len, ..frame.header }.as_bytes().to_vec();
            bytes.extend_from_slice(&frame.payload[..length]);
            let shorter = Frame::parse(&bytes).unwrap();
            let context = frame.header.kind >= Kind::FIRST_CONTEXT;
            assert_eq!(decode(&shorter).is_err(), context, "kind {} at {length}", frame.header.kind);
            assert!(Frame::parse(&whole[..length]).is_err());
        }
        let mut longer = whole.to_vec();
        let surplus = FrameHeader { len: frame.header.len + 1, ..frame.header };
        longer[..24].copy_from_slice(surplus.as_bytes());
        longer.push(b' ');
        assert!(decode(&Frame::parse(&longer).unwrap()).unwrap().is_some(), "a longer frame is accepted");
    }
}

#[test]
fn skips_kinds_of_a_later_version() {
    let mut stream = everything();
    let before = through(&stream.bytes);
    stream.raw(31, b"whatever").raw(0x1ff, b"{}").raw(0, b"").raw(Kind::Candidate.number(), b"x");
    assert_eq!(through(&stream.bytes), before);
}

/// A small random generator. Its seed reproduces a failure.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(bound).unwrap()).unwrap()
    }
}

#[test]
fn damaged_dropped_doubled_and_shuffled_frames_never_panic() {
    let stream = everything();
    let frames: Vec<Vec<u8>> = Frame::each(&stream.bytes).map(|(_, whole)| whole.to_vec()).collect();
    for seed in 1..=3000 {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let mut bytes = Vec::new();
        for _ in 0..dice.below(40) {
            let mut frame = frames[dice.below(frames.len())].clone();
            for _ in 0..dice.below(4) {
                // Damage any field except the length: a wrong length would only end the stream.
                let at = match dice.below(frame.len()) {
                    at @ 4..8 => at + 4,
                    at => at,
                };
                let value = [0x00, 0xff, 0x7f, 0x80, 0x01][dice.below(5)];
                let run = 1 + dice.below(8);
                frame.iter_mut().skip(at).take(run).for_each(|byte| *byte = value);
            }
            bytes.extend(frame);
        }
        through(&bytes);
    }
}

#[test]
fn an_empty_stream_gives_no_report() {
    assert_eq!(through(&[]), 0);
    let mut steps = Vec::new();
    Assembler::new(is_kill_for_memory).finish(&mut steps);
    assert!(steps.iter().all(
        |step| matches!(step, oomtrace::assemble::Step::Closed(incident) if report(incident).schema == 1)
    ));
    assert!(steps.is_empty());
}
