//! Kills a recorder at any moment. All that the recorder knew to be on disk must be there, and everything in the recording must
//! be true.
//!
//! The child is this test program, started again. It runs the real pipeline with the real recorder and its thread, on the
//! frames of real kills from a golden recording, as fast as the disk accepts them.
#![cfg(test)]

use std::{
    env,
    fs::File,
    io::{BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use oomtrace::{
    pipeline::{Incidents, Pipeline, PipelineError},
    recording::{
        ReadError, Reader,
        recorder::{Kept, Place, Recorder, Rotation},
    },
    report::{ClosedBy, Report, report},
    source::{Batch, Ended, Source, SourceError, recordings::Recordings},
};

/// The environment variable that turns this program into the child. Its value is the directory to record to.
const CHILD: &str = "OOMTRACE_SURVIVAL_CHILD";

/// The environment variable with the number of kills. The default is 100.
const KILLS: &str = "OOMTRACE_SURVIVAL_KILLS";

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/recordings/v1-oom_group.oomtrace");

/// Time between two incidents of the child's stream, in ns. It is longer than any of them takes.
const APART_NS: u64 = 60_000_000_000;

/// The position of the kernel's time in a frame's header.
const BOOT_NS: std::ops::Range<usize> = 8..16;
const PASS: std::ops::Range<usize> = 16..24;

/// The incident of the golden recording, repeated every minute.
struct Storm {
    session: Vec<u8>,
    frames: Vec<Vec<u8>>,
    round: u64,
}

impl Storm {
    fn new() -> Self {
        let mut reader = Reader::new(File::open(GOLDEN).unwrap()).unwrap();
        let (mut frames, mut frame) = (Vec::new(), Vec::new());
        while reader.next(&mut frame).unwrap() {
            frames.push(std::mem::take(&mut frame));
        }
        let session = frames.remove(0);
        Self { session, frames, round: 0 }
    }

    fn next_round(&mut self, batch: &mut Vec<u8>) {
        if self.round == 0 {
            batch.extend(&self.session);
        }
        for frame in &self.frames {
            let mut frame = frame.clone();
            shift(&mut frame[BOOT_NS], self.round);
            // Frames outside any pass stay outside.
            if frame[PASS].iter().any(|byte| *byte != 0) {
                shift(&mut frame[PASS], self.round);
            }
            batch.extend(frame);
        }
        self.round += 1;
    }

    /// The reports of this many rounds.
    fn reports(rounds: u64) -> Vec<Report> {
        struct Rounds(Storm, u64);
        impl Source for Rounds {
            fn next(&mut self, _: Option<u64>, batch: &mut Vec<u8>) -> Result<Batch, SourceError> {
                batch.clear();
                self.0.next_round(batch);
                Ok(if self.0.round < self.1 { Batch::Frames } else { Batch::Last(Ended::Recording) })
            }
        }
        let incidents = Incidents::new(Rounds(Self::new(), rounds));
        incidents.map(|incident| report(&incident.unwrap())).collect()
    }
}

fn shift(bytes: &mut [u8], round: u64) {
    let ns = u64::from_le_bytes(bytes.try_into().unwrap()) + round * APART_NS;
    bytes.copy_from_slice(&ns.to_le_bytes());
}

impl Source for Storm {
    fn next(&mut self, _: Option<u64>, batch: &mut Vec<u8>) -> Result<Batch, SourceError> {
        // No disk accepts frames as fast as they can be generated.
        sleep(Duration::from_micros(500));
        batch.clear();
        self.next_round(batch);
        Ok(Batch::Frames)
    }
}

/// Writes the number of frames on disk to the parent as eight bytes, whenever the number grows.
fn tell(kept: &Kept) {
    let (mut stderr, mut told) = (std::io::stderr(), 0);
    loop {
        let frames = kept.frames();
        if frames > told {
            told = frames;
            stderr.write_all(&told.to_le_bytes()).unwrap();
        }
        std::thread::yield_now();
    }
}

/// Small files, so that some kills hit the change from one file to the next.
fn rotation() -> Rotation {
    Rotation { file_bytes: 64 << 10, file_age: Duration::from_secs(3600), total_bytes: 1 << 40 }
}

/// The child, which records until it is killed.
#[test]
#[ignore = "the child of the test below, which starts it"]
fn child() {
    let directory = PathBuf::from(env::var_os(CHILD).unwrap());
    let recorder = Recorder::start(Place::Directory(directory, rotation()), Box::new(|_| {})).unwrap();
    let kept = recorder.kept();
    std::thread::spawn(move || tell(&kept));
    let road = Pipeline::new(Vec::new(), Box::new(|_| true)).recording(Some(recorder));
    // The stream never ends.
    road.run(&mut Storm::new()).unwrap();
}

/// Starts a child, kills it after this time, and returns the number of frames that it knew to be on disk.
fn killed_after(directory: &Path, time: Duration) -> u64 {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture", "--test-threads", "1"])
        .env(CHILD, directory)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    // The time starts at the first frames on disk. Before that there is nothing to keep.
    let mut told = [0; 8];
    stderr.read_exact(&mut told).unwrap();
    let reader = std::thread::spawn(move || {
        let mut last = told;
        while stderr.read_exact(&mut told).is_ok() {
            last = told;
        }
        u64::from_le_bytes(last)
    });
    sleep(time);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

/// Reads a directory. Returns the reports, and the number of files that end inside a record.
fn read(directory: &Path) -> (Vec<Report>, usize) {
    let (mut reports, mut torn) = (Vec::new(), 0);
    for item in Incidents::new(Recordings::find(&[directory.to_owned()]).unwrap()) {
        match item {
            Ok(incident) => reports.push(report(&incident)),
            Err(PipelineError::Source(SourceError::InFile { error: ReadError::Torn { .. }, .. })) => {
                torn += 1;
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    (reports, torn)
}

/// A small generator of moments, evenly distributed and the same in every run.
fn moment(number: u64) -> Duration {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Duration::from_micros((mixed ^ (mixed >> 29)) % 20_000)
}

#[test]
fn a_recorder_killed_at_any_moment_leaves_a_true_recording() {
    let kills: u64 = env::var(KILLS).map_or(100, |kills| kills.parse().unwrap());
    let frames = u64::try_from(Storm::new().frames.len()).unwrap();
    let (mut expected, mut incidents, mut torn) = (Storm::reports(50), 0, 0);
    for number in 0..kills {
        let directory = tempfile::tempdir().unwrap();
        let on_disk = killed_after(directory.path(), moment(number));
        let (reports, torn_files) = read(directory.path());
        if reports.len() > expected.len() {
            expected = Storm::reports(2 * u64::try_from(reports.len()).unwrap());
        }
        let whole = reports.iter().filter(|report| report.status.closed_by == Some(ClosedBy::Kernel)).count();
        let promised = usize::try_from(on_disk.saturating_sub(1) / frames).unwrap();
        assert!(whole >= promised, "kill {number}: {promised} incidents were on disk, {whole} are read");
        assert_eq!(reports[..whole], expected[..whole], "kill {number}");
        assert!(reports.len() <= whole + 1, "kill {number}: {} reports, {whole} whole", reports.len());
        // The last incident may have been incomplete on disk.
        for (report, known) in reports.iter().zip(&expected).skip(whole) {
            assert_eq!(report.id, known.id, "kill {number}");
            assert_eq!(report.status.closed_by, Some(ClosedBy::EndOfStream), "kill {number}");
        }
        assert!(torn_files <= 1, "kill {number}: {torn_files} torn files");
        incidents += whole;
        torn += torn_files;
    }
    assert!(incidents > 0);
    println!("{kills} kills, {incidents} incidents read, {torn} torn records");
}
