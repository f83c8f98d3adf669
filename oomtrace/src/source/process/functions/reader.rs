//! The thread that opens executables and reads their symbols.

use std::{
    collections::BTreeMap,
    fs::File,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Instant,
};

use rustix::{
    event::{EventfdFlags, eventfd},
    fs::{CWD, FileType, Mode, OFlags, fstat, open},
    thread::CapabilitySet,
};

use super::elf::{Place, functions};
use crate::{
    bytes::ByteString,
    context::UserSymbol,
    kernel::{privilege::keep_only, protect::be_io_flusher},
    source::below::open_below,
};

/// The capabilities that the thread keeps: for the executables of other users' processes.
const NEEDED: CapabilitySet =
    CapabilitySet::SYS_PTRACE.union(CapabilitySet::DAC_READ_SEARCH).union(CapabilitySet::IPC_LOCK);
/// Stack size. What is read is on the heap.
const STACK_BYTES: usize = 128 << 10;
/// Maximum number of stacks that wait for the thread, and of answers that wait for the tracing thread.
const WAITING: usize = 8;
/// The pause after a job is this many times its own length: at most a tenth of one CPU.
const TIMES_ITS_OWN: u32 = 9;

/// The calls of a stack whose functions are not known.
pub(super) struct Job {
    pub(super) pass: u64,
    pub(super) pid: i32,
    pub(super) wanted: Vec<Wanted>,
}

/// A call, and the files that it may be in. The build id says which of them it is.
pub(super) struct Wanted {
    pub(super) call: UserSymbol,
    pub(super) files: Vec<ByteString>,
    pub(super) place: Place,
}

/// The calls whose file was found.
pub(super) struct Answer {
    pub(super) pass: u64,
    pub(super) pid: i32,
    pub(super) found: Vec<Found>,
}

/// A call whose file was found. Without a symbol, it has none in its file.
pub(super) struct Found {
    pub(super) call: UserSymbol,
    pub(super) place: Place,
    /// Whether the file is also oomtrace's own. A container can have a file with a forged build id at the same path, so its names are
    /// not those of other processes.
    pub(super) is_own: bool,
}

/// The tracing thread's ends of the two queues.
pub(super) struct Reader {
    jobs: SyncSender<Job>,
    answers: Receiver<Answer>,
    bell: Arc<OwnedFd>,
}

impl Reader {
    /// Starts the thread; `None` if that fails.
    pub(super) fn start() -> Option<Self> {
        let bell = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).ok()?);
        let (jobs, new_jobs) = sync_channel(WAITING);
        let (new_answers, answers) = sync_channel(WAITING);
        let thread = thread::Builder::new().name("oomtrace-symbol".to_owned()).stack_size(STACK_BYTES);
        let ring = Arc::clone(&bell);
        let run = move || {
            // Without this flag, or with a capability that cannot be dropped, the thread does the same.
            be_io_flusher();
            let _ = keep_only(NEEDED);
            work(&new_jobs, &new_answers, &ring);
        };
        thread.spawn(run).ok()?;
        Some(Self { jobs, answers, bell })
    }

    /// The descriptor that is readable if there is an answer.
    pub(super) fn bell(&self) -> &OwnedFd {
        &self.bell
    }

    /// Adds a job, unless too many are waiting. Returns whether it was added.
    pub(super) fn request(&self, job: Job) -> bool {
        self.jobs.try_send(job).is_ok()
    }

    /// Takes all answers.
    pub(super) fn answers(&self) -> Vec<Answer> {
        // This fails if nothing is new.
        let _ = rustix::io::read(&self.bell, &mut [0; 8]);
        self.answers.try_iter().collect()
    }
}

/// Works until the tracing thread has ended.
fn work(jobs: &Receiver<Job>, answers: &SyncSender<Answer>, bell: &OwnedFd) {
    while let Ok(job) = jobs.recv() {
        let begun = Instant::now();
        if answers.send(answer(job)).is_err() {
            return;
        }
        // This fails only if the tracing thread has already been woken.
        let _ = rustix::io::write(bell, &1_u64.to_ne_bytes());
        thread::sleep(begun.elapsed() * TIMES_ITS_OWN);
    }
}

/// Reads the file of each build once.
fn answer(job: Job) -> Answer {
    let Job { pass, pid, wanted } = job;
    let mut builds: BTreeMap<String, Vec<Wanted>> = BTreeMap::new();
    for wanted in wanted {
        builds.entry(wanted.call.build_id.clone()).or_default().push(wanted);
    }
    let found = builds.into_iter().filter_map(|(build_id, calls)| {
        let places: Vec<Place> = calls.iter().map(|wanted| wanted.place).collect();
        // A file of this build has all its calls. The call with the fewest files leaves the least to try.
        let files = calls.iter().map(|wanted| &wanted.files).min_by_key(|files| files.len())?;
        let of = |file: &ByteString| Some((file.clone(), names(pid, file.as_bytes(), &build_id, &places)?));
        let (file, (names, is_own)) = files.iter().find_map(of)?;
        let named = move |(Wanted { call, place, .. }, symbol)| Found {
            call: UserSymbol { file: Some(file.clone()), symbol, ..call },
            place,
            is_own,
        };
        Some(calls.into_iter().zip(names).map(named))
    });
    Answer { pass, pid, found: found.flatten().collect() }
}

/// Reads the file as the process sees it. If the process has exited, oomtrace's own file of this path may be the same: the build id
/// shows that. Also returns whether the file is oomtrace's own.
fn names(pid: i32, path: &[u8], build_id: &str, places: &[Place]) -> Option<(Vec<Option<String>>, bool)> {
    let (seen, own) = (opened(&format!("/proc/{pid}/root"), path), opened("/", path));
    let identity = |file: &File| fstat(file).ok().map(|stat| (stat.st_dev, stat.st_ino));
    let own_identity = own.as_ref().and_then(identity);
    [seen, own].iter().flatten().find_map(|file| {
        let names = functions(file, build_id, places)?;
        Some((names, own_identity.is_some() && identity(file) == own_identity))
    })
}

/// Opens a regular file below a root. It follows no symbolic link, because paths in `/proc/PID/maps` have none. A device is never
/// opened: that may have effects.
fn opened(root: &str, path: &[u8]) -> Option<File> {
    let handle = OFlags::PATH | OFlags::CLOEXEC;
    let root = open(root, handle | OFlags::DIRECTORY, Mode::empty()).ok()?;
    let place = open_below(root.as_fd(), path, handle).ok()?;
    let mode = fstat(&place).ok()?.st_mode;
    if FileType::from_raw_mode(mode) != FileType::RegularFile {
        return None;
    }
    let again = format!("/proc/self/fd/{}", place.as_raw_fd());
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, again, flags, Mode::empty()).ok().map(File::from)
}
