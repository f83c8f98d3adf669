//! The thread that writes batches of frames to disk, so that a slow disk never delays the tracing thread.

use std::{
    sync::{
        Arc, PoisonError,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError, SyncSender},
    },
    time::{Duration, Instant},
};

use super::{Batch, Counts, OnTrouble, Trouble, disk::Disk, loss};
use crate::{
    kernel::{
        privilege::{RECORDING, keep_only},
        protect::be_io_flusher,
    },
    recording::append,
};

/// The maximum time that frames without urgency wait in memory. On the tracepoint tier they include the frames of a decision,
/// which is known up to 100 ms after the first mark and should be on disk by then.
const LAZY: Duration = Duration::from_millis(50);

/// The same limit, in bytes.
const LAZY_BYTES: usize = 64 << 10;

/// The pause after a failure.
const RETRY: Duration = Duration::from_secs(1);

/// The time to wait if there are no records: until records come or the stream ends.
const IDLE: Duration = Duration::from_secs(24 * 3600);

/// The state of the thread.
pub(super) struct Work {
    pub(super) disk: Disk,
    pub(super) batches: Receiver<Batch>,
    pub(super) give_back: SyncSender<Vec<u8>>,
    pub(super) counts: Arc<Counts>,
    pub(super) on_trouble: OnTrouble,
    /// Writing fails, and this was reported.
    pub(super) failing: bool,
}

/// The records that wait to be written.
#[derive(Default)]
struct Pending {
    records: Vec<u8>,
    frames: u64,
    since: Option<Instant>,
    urgent: bool,
    settled: bool,
}

impl Work {
    pub(super) fn run(mut self) {
        // The process is protected later and gives up its privileges later, but that does not affect this thread. Those steps
        // report their own errors.
        let _ = (be_io_flusher(), keep_only(RECORDING));
        let mut pending = Pending::default();
        while self.receive(&mut pending) {
            self.write(&mut pending);
        }
        let frames = self.counts.lost_frames.load(Ordering::Relaxed);
        if frames > self.counts.noted_frames.load(Ordering::Relaxed) {
            // Frames that were lost at the very end: no later record can report them. This one is short enough to be appended.
            let _ = append(&loss(frames), &mut pending.records);
        }
        self.write(&mut pending);
    }

    /// Receives records until a write is due. Returns false if no more can come.
    fn receive(&self, pending: &mut Pending) -> bool {
        while !pending.urgent && pending.records.len() < LAZY_BYTES {
            let wait = pending.since.map_or(IDLE, |since| LAZY.saturating_sub(since.elapsed()));
            match self.batches.recv_timeout(wait) {
                Ok(batch) => self.take(pending, batch),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
        // Records that arrived in the meantime are written together.
        while let Ok(batch) = self.batches.try_recv() {
            self.take(pending, batch);
        }
        true
    }

    fn take(&self, pending: &mut Pending, mut batch: Batch) {
        let bytes = u64::try_from(batch.records.len()).unwrap_or(0);
        pending.records.extend_from_slice(&batch.records);
        pending.frames += batch.frames;
        pending.urgent |= batch.urgent;
        pending.settled = batch.settled;
        pending.since = pending.since.or_else(|| Some(Instant::now()));
        self.counts.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        batch.records.clear();
        // If the receiver has exited, the buffer is freed.
        let _ = self.give_back.try_send(batch.records);
    }

    /// Writes the waiting records, and retries every second while that fails. New records wait, and are lost if there are too
    /// many.
    fn write(&mut self, pending: &mut Pending) {
        if pending.records.is_empty() {
            (pending.urgent, pending.since) = (false, None);
            return;
        }
        let new = self.counts.new_rotation.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(rotation) = new {
            self.disk.rotate_at(rotation);
        }
        loop {
            match self.disk.write(&pending.records, pending.settled) {
                Ok(()) => {
                    self.counts.kept_frames.fetch_add(pending.frames, Ordering::Release);
                    self.written();
                    break;
                }
                Err(error) if !self.failing => {
                    (self.on_trouble)(&Trouble::Failing { path: self.disk.name(), error });
                    self.failing = true;
                    self.counts.failing.store(true, Ordering::Release);
                }
                Err(_) if self.counts.ending.load(Ordering::Relaxed) => {
                    self.counts.lost_frames.fetch_add(pending.frames, Ordering::Relaxed);
                    break;
                }
                Err(_) => {}
            }
            std::thread::park_timeout(RETRY);
        }
        let mut records = std::mem::take(&mut pending.records);
        records.clear();
        *pending = Pending { records, ..Pending::default() };
    }

    /// Reports what changed after a successful write.
    fn written(&mut self) {
        if std::mem::take(&mut self.failing) {
            self.counts.failing.store(false, Ordering::Release);
            let lost = self.counts.lost_frames.load(Ordering::Relaxed);
            (self.on_trouble)(&Trouble::Recovered { path: self.disk.name(), lost });
        }
        if let Some((path, error)) = self.disk.left.take() {
            (self.on_trouble)(&Trouble::Left { path: path.display().to_string(), error });
        }
    }
}
