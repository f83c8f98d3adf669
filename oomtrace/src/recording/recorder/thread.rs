//! The thread that writes.

use std::{
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError, SyncSender},
    },
    time::{Duration, Instant},
};

use super::{Batch, Counts, Tell, Trouble, disk::Disk, loss};
use crate::{
    kernel::{
        privilege::{RECORDING, keep_only},
        protect::be_io_flusher,
    },
    recording::append,
};

/// How long frames may wait in memory that nobody has called urgent. Those of a decision are among them on the tracepoint tier,
/// where it is known up to 100 ms after the first mark: by then it shall be on disk.
const LAZY: Duration = Duration::from_millis(50);

/// And how many bytes of them.
const LAZY_BYTES: usize = 64 << 10;

/// How long to wait after a failure.
const RETRY: Duration = Duration::from_secs(1);

/// Nothing waits: until something comes, or the stream ends.
const IDLE: Duration = Duration::from_secs(24 * 3600);

/// Everything the thread has.
pub(super) struct Work {
    pub(super) disk: Disk,
    pub(super) batches: Receiver<Batch>,
    pub(super) give_back: SyncSender<Vec<u8>>,
    pub(super) counts: Arc<Counts>,
    pub(super) tell: Tell,
    /// Writing fails, which was told.
    pub(super) failing: bool,
}

/// What waits to be written.
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
        // Whoever protects the process later, and gives up its privileges, does not reach this thread. Whether that worked is
        // told there.
        let _ = (be_io_flusher(), keep_only(RECORDING));
        let mut pending = Pending::default();
        while self.receive(&mut pending) {
            self.write(&mut pending);
        }
        let frames = self.counts.lost_frames.load(Ordering::Relaxed);
        if frames > self.counts.noted_frames.load(Ordering::Relaxed) {
            // What was lost at the very end: nothing came behind it to tell. This is not too long to be appended.
            let _ = append(&loss(frames), &mut pending.records);
        }
        self.write(&mut pending);
        // A failure leaves padding at the end, which the reader knows.
        let _ = self.disk.close();
    }

    /// Takes what comes until something is due; false once nothing can come any more.
    fn receive(&self, pending: &mut Pending) -> bool {
        while !pending.urgent && pending.records.len() < LAZY_BYTES {
            let wait = pending.since.map_or(IDLE, |since| LAZY.saturating_sub(since.elapsed()));
            match self.batches.recv_timeout(wait) {
                Ok(batch) => self.take(pending, batch),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
        // Those that came meanwhile go to the disk together.
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
        // Where nobody takes it back, it is freed.
        let _ = self.give_back.try_send(batch.records);
    }

    /// Writes what waits, and again every second while that fails. Meanwhile others wait, and are lost when they are too many.
    fn write(&mut self, pending: &mut Pending) {
        if pending.records.is_empty() {
            (pending.urgent, pending.since) = (false, None);
            return;
        }
        loop {
            match self.disk.write(&pending.records, pending.settled) {
                Ok(()) => {
                    self.counts.kept_frames.fetch_add(pending.frames, Ordering::Release);
                    self.written();
                    break;
                }
                Err(error) if !self.failing => {
                    (self.tell)(&Trouble::Failing { path: self.disk.name(), error });
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

    /// Tells what there is to tell after a success.
    fn written(&mut self) {
        if std::mem::take(&mut self.failing) {
            self.counts.failing.store(false, Ordering::Release);
            let lost = self.counts.lost_frames.load(Ordering::Relaxed);
            (self.tell)(&Trouble::Recovered { path: self.disk.name(), lost });
        }
        if let Some((path, error)) = self.disk.left.take() {
            (self.tell)(&Trouble::Left { path: path.display().to_string(), error });
        }
    }
}
