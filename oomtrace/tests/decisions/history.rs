//! Incidents read from recordings: in order, each once, and never a wrong one, however the file was damaged.

use std::{fs, path::PathBuf};

use oomtrace::{
    context::Session,
    frame::Frame,
    pipeline::{Incidents, PipelineError},
    recording::{BLOCK_BYTES, ReadError, Reader, append, header},
    report::{ClosedBy, Report, report},
    source::{SourceError, recordings::Recordings, replay::Replay},
};

use crate::stream::{LIMIT, MEMCG, MS, PODS, Stream, session, task};

const MESSAGE: &str = "Memory cgroup out of memory";

impl Stream {
    fn killed(&mut self, pid: i32) -> &mut Self {
        let hog = task(pid);
        self.memcg_oom(hog, PODS).looked_up(pid).kill(hog, hog, MESSAGE, MEMCG, LIMIT).leave(1, 1)
    }
}

/// The file that a recorder would write, one block for each ten frames, with the end of each record's frame.
fn recording(frames: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut ends) = (header().to_vec(), Vec::new());
    for (number, (_, frame)) in Frame::each(frames).enumerate() {
        assert!(append(frame, &mut bytes));
        ends.push(bytes.len());
        if number % 10 == 9 {
            bytes.resize(bytes.len().next_multiple_of(BLOCK_BYTES), 0);
        }
    }
    (bytes, ends)
}

/// The reports, and the error that stopped reading.
fn read(bytes: &[u8]) -> (Vec<Report>, Option<ReadError>) {
    let reader = match Reader::new(bytes) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let (mut reports, mut stopped) = (Vec::new(), None);
    for item in Incidents::new(Replay::new(reader)).take(1000) {
        match item {
            Ok(incident) => reports.push(report(&incident)),
            Err(PipelineError::Source(SourceError::Recording(error))) => {
                stopped = Some(error);
                break;
            }
            Err(error) => panic!("{error}"),
        }
    }
    (reports, stopped)
}

fn pids(reports: &[Report]) -> Vec<i32> {
    reports.iter().map(|report| report.victims[0].process.pid.unwrap()).collect()
}

/// Three kills. The first victim exits last.
fn three() -> Stream {
    let mut stream = Stream::new("fentry");
    stream.killed(11).killed(12).later(MS).exit(12).killed(13).later(MS).exit(13).exit(11);
    stream
}

#[test]
fn lists_incidents_in_the_order_of_their_decisions() {
    let stream = three();
    assert_eq!(pids(&stream.told().closed), [12, 13, 11]);
    let (reports, stopped) = read(&recording(&stream.bytes).0);
    assert_eq!(pids(&reports), [11, 12, 13]);
    assert!(stopped.is_none() && reports.iter().all(|report| report.status.complete));
}

/// Compares the incidents of a part of the file with those of the whole. An incident that the kernel's frames closed must be
/// equal. Any other must say that the decision is incomplete, or that the stream ended before its victims did; it then lacks
/// only their end.
fn judge(part: &[Report], whole: &[Report], about: &str) {
    for report in part.iter().filter(|report| report.status.complete) {
        let mut known = whole.iter().find(|known| known.id == report.id).unwrap().clone();
        if report.status.closed_by != Some(ClosedBy::Kernel) {
            assert_eq!(report.status.closed_by, Some(ClosedBy::EndOfStream), "{about}");
            known.status = report.status.clone();
            for (known, victim) in known.victims.iter_mut().zip(&report.victims) {
                let (sigkill, exit) = (victim.aftermath.sigkill_ns, victim.aftermath.exit_ns);
                assert!(sigkill.is_none_or(|_| sigkill == known.aftermath.sigkill_ns), "{about}");
                assert!(exit.is_none_or(|_| exit == known.aftermath.exit_ns), "{about}");
                known.aftermath = victim.aftermath;
            }
        }
        assert_eq!(*report, known, "{about}");
    }
    let open = part.iter().filter(|report| !report.status.complete);
    open.for_each(|report| assert_eq!(report.status.closed_by, Some(ClosedBy::EndOfStream), "{about}"));
}

#[test]
fn a_cut_at_any_byte_keeps_all_complete_incidents_and_adds_none() {
    let (bytes, ends) = recording(&three().bytes);
    let (whole, _) = read(&bytes);
    let mut most = 0;
    for cut in 16..=bytes.len() {
        let (part, stopped) = read(&bytes[..cut]);
        assert!(stopped.is_none(), "cut at {cut}: {stopped:?}");
        judge(&part, &whole, &format!("cut at {cut}"));
        let over = part.iter().filter(|report| report.status.closed_by == Some(ClosedBy::Kernel)).count();
        assert!(over >= most, "cut at {cut}: {over} incidents after {most}");
        most = over;
        // The next bytes may complete the record that ends an incident.
        assert!(over < whole.len() || ends.last().is_none_or(|end| cut + 8 > *end), "cut at {cut}");
    }
    assert_eq!(most, whole.len());
}

#[test]
fn a_flipped_bit_stops_reading_and_adds_no_wrong_incident() {
    let (bytes, _) = recording(&three().bytes);
    let (whole, _) = read(&bytes);
    // The reader's own test covers every bit of every byte of each frame.
    for position in (16..bytes.len()).step_by(7) {
        let mut broken = bytes.clone();
        broken[position] ^= 1 << (position % 8);
        let (part, stopped) = read(&broken);
        judge(&part, &whole, &format!("byte {position}"));
        match stopped {
            Some(ReadError::Damaged { offset, .. }) => {
                assert!(usize::try_from(offset).unwrap() <= position, "byte {position}: {offset}");
            }
            // The length now points beyond the end of the file.
            None => assert!(part.len() < whole.len() || part != whole, "byte {position}"),
            Some(error) => panic!("byte {position}: {error}"),
        }
    }
}

/// Files in a temporary directory.
struct Directory(tempfile::TempDir);

impl Directory {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn add(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Returns the victims, and the number of files with an error.
    fn read(&self) -> (Vec<i32>, usize) {
        let source = Recordings::find(&[self.0.path().to_owned()]).unwrap();
        let (read, wrong): (Vec<_>, Vec<_>) = Incidents::new(source).partition(Result::is_ok);
        let reports: Vec<Report> = read.into_iter().map(|incident| report(&incident.unwrap())).collect();
        (pids(&reports), wrong.len())
    }
}

/// A session of another boot.
fn other_boot() -> Session {
    Session { boot_id: Some("another".to_owned()), ..session("fentry", &[]) }
}

#[test]
fn continues_an_incident_only_in_its_recorders_next_file() {
    let mut first = Stream::new("fentry");
    first.killed(11);
    let session = first.bytes.len() - {
        let mut alone = first.clone();
        alone.bytes.clear();
        alone.killed(11);
        alone.bytes.len()
    };
    let head = first.bytes[..session].to_vec();
    let mut next = first.clone();
    next.bytes = head;
    next.later(MS).exit(11).killed(12).exit(12);
    let mut other = Stream::with(&other_boot());
    other.later(MS).exit(11).killed(13).exit(13);

    let directory = Directory::new();
    directory.add("1.oomtrace", &recording(&first.bytes).0);
    directory.add("2.oomtrace", &recording(&next.bytes).0);
    directory.add("3.oomtrace", &recording(&other.bytes).0);
    directory.add("notes.txt", b"no recording");
    assert_eq!(directory.read(), (vec![11, 12, 13], 0));
    let read = |names: &[&str]| {
        let paths: Vec<PathBuf> = names.iter().map(|name| directory.0.path().join(name)).collect();
        let incidents = Incidents::new(Recordings::find(&paths).unwrap());
        incidents.map(|incident| report(&incident.unwrap()).status.closed_by).collect::<Vec<_>>()
    };
    let (kernel, end) = (Some(ClosedBy::Kernel), Some(ClosedBy::EndOfStream));
    assert_eq!(read(&["1.oomtrace", "2.oomtrace"]), [kernel, kernel]);
    assert_eq!(
        read(&["1.oomtrace", "3.oomtrace"]),
        [end, kernel],
        "an exit in another boot belongs to another process"
    );
}

#[test]
fn incidents_open_at_a_crash_precede_those_of_the_next_boot() {
    let (mut before, mut after) = (Stream::new("fentry"), Stream::with(&other_boot()));
    // The clock starts again at each boot.
    before.later(100_000 * MS).killed(11);
    after.killed(12).exit(12).killed(13).exit(13);
    let directory = Directory::new();
    directory.add("1.oomtrace", &recording(&before.bytes).0);
    directory.add("2.oomtrace", &recording(&after.bytes).0);
    assert_eq!(directory.read(), (vec![11, 12, 13], 0));
}

#[test]
fn reports_a_bad_file_and_reads_the_others() {
    let whole = recording(&three().bytes).0;
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let directory = Directory::new();
    directory.add("1.oomtrace", &whole[..whole.len() - 8]);
    directory.add("2.oomtrace", b"");
    directory.add("3.oomtrace", &damaged);
    directory.add("4.oomtrace", &whole);
    let (victims, wrong) = directory.read();
    assert_eq!(wrong, 3);
    assert!(victims.starts_with(&[11, 12, 13]) && victims.ends_with(&[11, 12, 13]), "{victims:?}");
    let missing = Recordings::find(&[directory.0.path().join("absent")]);
    assert!(matches!(missing, Err(SourceError::InFile { .. })));
    let empty = Directory::new();
    assert!(matches!(
        Recordings::find(&[empty.0.path().to_owned()]),
        Err(SourceError::EmptyDirectory { .. })
    ));
}
