//! The flight recorder: keeps frames on disk while the machine has no memory left, and never lets the stream wait for the disk.
//!
//! The stream hands batches over to a thread, which writes whole blocks past the page cache into space that was allocated
//! before. Records that the disk does not accept in time are counted, reported, and noted in the recording itself.

mod directory;
mod disk;
mod head;
mod place;
mod thread;

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use oomtrace_common::frame::Kind;

pub use self::place::{Place, Rotation};
use super::append;
use crate::{context::RecorderLoss, frame::context_frame, kernel::clock};

/// Batches that may wait for the disk.
const WAITING_BATCHES: usize = 4096;

/// Number of buffers that are kept for reuse. Further buffers are freed.
const SPARE_BUFFERS: usize = 64;

/// Bytes that may wait for the disk: as much as a storm of kills makes in some ten seconds.
const WAITING_BYTES: u64 = 32 << 20;

/// A problem that the user should see.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The disk rejects writes.
    #[error("cannot record to {path}: {error}; trying again every second")]
    Failing {
        /// The file.
        path: String,
        /// The system's error.
        error: io::Error,
    },
    /// The disk accepts writes again.
    #[error("recording to {path} continues; {lost} frames were lost in the meantime")]
    Recovered {
        /// The file.
        path: String,
        /// Frames that are in no recording.
        lost: u64,
    },
    /// The directory exceeds its limit.
    #[error("cannot remove {path} to make room: {error}; recording continues")]
    Left {
        /// The file.
        path: String,
        /// The system's error.
        error: io::Error,
    },
}

/// The function that receives troubles.
pub type OnTrouble = Box<dyn Fn(&Trouble) + Send>;

/// A message to the thread.
struct Batch {
    records: Vec<u8>,
    frames: u64,
    /// Must be on disk at once.
    urgent: bool,
    /// No incident is open after it, so another file can begin here.
    settled: bool,
}

/// Counters and limits that both sides share.
#[derive(Debug, Default)]
struct Counts {
    waiting_bytes: AtomicU64,
    lost_frames: AtomicU64,
    /// Lost frames that the recording already mentions.
    noted_frames: AtomicU64,
    kept_frames: AtomicU64,
    /// The last attempt to write failed.
    failing: AtomicBool,
    /// The stream has ended: frames that cannot be written now are lost.
    ending: AtomicBool,
    /// Limits that the thread has not taken yet.
    new_rotation: Mutex<Option<Rotation>>,
}

/// The part of the stream that is already on disk.
#[derive(Clone, Debug)]
pub struct Kept(Arc<Counts>);

impl Kept {
    /// The number of frames that would survive a crash now. They are the first of those that were pushed.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.0.kept_frames.load(Ordering::Acquire)
    }

    /// Frames that are in no recording.
    #[must_use]
    pub fn lost_frames(&self) -> u64 {
        self.0.lost_frames.load(Ordering::Acquire)
    }

    /// Bytes that wait for the disk.
    #[must_use]
    pub fn waiting_bytes(&self) -> u64 {
        self.0.waiting_bytes.load(Ordering::Acquire)
    }

    /// Whether the last attempt to write failed.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.0.failing.load(Ordering::Acquire)
    }
}

/// The limits of a running recorder, which any thread can change.
#[derive(Clone, Debug)]
pub struct Limits(Arc<Counts>);

impl Limits {
    /// Replaces the limits of a directory. They apply from the next write on; a recording in a single file has none.
    pub fn set(&self, rotation: Rotation) {
        *self.0.new_rotation.lock().unwrap_or_else(PoisonError::into_inner) = Some(rotation);
    }
}

/// The stream's side of the recorder.
pub struct Recorder {
    to_thread: Option<SyncSender<Batch>>,
    used: Receiver<Vec<u8>>,
    thread: Option<JoinHandle<()>>,
    counts: Arc<Counts>,
    records: Vec<u8>,
    frames: u64,
}

/// The record that mentions lost frames.
fn loss(frames: u64) -> Vec<u8> {
    context_frame(Kind::RecorderLoss, clock::boot_ns(), 0, &RecorderLoss { frames })
}

/// A recording without its thread.
pub struct Opened(disk::Disk);

impl Opened {
    /// Starts the thread. The first frame that is pushed must be the session: every file begins with it.
    ///
    /// # Errors
    ///
    /// If there can be no thread.
    pub fn start(self, on_trouble: OnTrouble) -> io::Result<Recorder> {
        let Self(disk) = self;
        let (to_thread, batches) = sync_channel(WAITING_BATCHES);
        let (give_back, used) = sync_channel(SPARE_BUFFERS);
        let counts = Arc::new(Counts::default());
        let theirs = Arc::clone(&counts);
        let work = thread::Work { disk, batches, give_back, counts: theirs, on_trouble, failing: false };
        let thread =
            std::thread::Builder::new().name("oomtrace-record".to_owned()).spawn(move || work.run())?;
        let (to_thread, thread) = (Some(to_thread), Some(thread));
        Ok(Recorder { to_thread, used, thread, counts, records: Vec::new(), frames: 0 })
    }
}

impl Recorder {
    /// Makes the first file. Until the thread starts, this process can have a single thread.
    ///
    /// # Errors
    ///
    /// If the file cannot be created, or if another recorder has the directory. An existing file is never overwritten.
    pub fn open(place: Place) -> io::Result<Opened> {
        disk::Disk::open(place).map(Opened)
    }

    /// Makes the first file and starts the thread.
    ///
    /// # Errors
    ///
    /// As [`Recorder::open`] and [`Opened::start`].
    pub fn start(place: Place, on_trouble: OnTrouble) -> io::Result<Self> {
        Self::open(place)?.start(on_trouble)
    }

    /// A view of what is on disk, usable from any thread.
    #[must_use]
    pub fn kept(&self) -> Kept {
        Kept(Arc::clone(&self.counts))
    }

    /// A handle that changes the limits, usable from any thread.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits(Arc::clone(&self.counts))
    }

    /// Adds a frame.
    pub fn push(&mut self, frame: &[u8]) {
        if append(frame, &mut self.records) {
            self.frames += 1;
        } else {
            self.counts.lost_frames.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Hands the added frames over. With `urgent` they are written as soon as possible. `settled` means that no incident is
    /// open.
    pub fn hand_over(&mut self, urgent: bool, settled: bool) {
        if self.frames == 0 && !urgent {
            return;
        }
        let lost = self.note_loss();
        let next = self.used.try_recv().unwrap_or_default();
        let records = std::mem::replace(&mut self.records, next);
        let frames = std::mem::take(&mut self.frames);
        let bytes = u64::try_from(records.len()).unwrap_or(u64::MAX);
        let waiting = self.counts.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        let batch = Batch { records, frames, urgent, settled };
        let room = waiting.saturating_add(bytes) <= WAITING_BYTES;
        let sent = room && self.to_thread.as_ref().is_some_and(|to_thread| to_thread.try_send(batch).is_ok());
        if sent {
            self.counts.noted_frames.store(lost, Ordering::Relaxed);
        } else {
            self.counts.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.counts.lost_frames.fetch_add(frames, Ordering::Relaxed);
        }
    }

    /// Notes in the recording which frames it lacks, at their place: after the records that were handed over and before the
    /// next ones. Returns the number of frames lost so far.
    fn note_loss(&mut self) -> u64 {
        let frames = self.counts.lost_frames.load(Ordering::Relaxed);
        let mut records = Vec::new();
        let noted = self.counts.noted_frames.load(Ordering::Relaxed);
        if frames > noted && append(&loss(frames), &mut records) {
            records.append(&mut self.records);
            self.records = records;
        }
        frames
    }

    /// Ends the recording once all waiting records are on disk. Returns the number of frames that are in no recording.
    pub fn finish(mut self) -> u64 {
        self.hand_over(true, true);
        self.stop();
        self.counts.lost_frames.load(Ordering::Relaxed)
    }

    fn stop(&mut self) {
        // The thread ends when no sender is left.
        drop(self.to_thread.take());
        self.counts.ending.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic of the thread has already been reported, and there is nothing left to save here.
            let _ = thread.join();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests;
