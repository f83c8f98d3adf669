//! Decodes a recording on a second thread, ahead of the assembler.
//!
//! One CPU reads, checks and decodes a recording while another one assembles and reports earlier frames. The events arrive in the
//! same order and the same batches as without a second thread.

use std::{
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use crate::{
    decode::decode,
    event::Stamped,
    frame::Frame,
    source::{Batch, Ended, Source, SourceError},
};

/// The most batches that wait for the assembler. A batch of a recording is decoded from 64 KiB.
const WAITING: usize = 4;

/// The frames of one batch.
#[derive(Default)]
pub(super) struct Decoded {
    /// Number of frames, including those that cannot be decoded.
    pub(super) frames: u64,
    /// Decoded events. A frame is left out if the eBPF side and this side disagree about its format. The incident that it
    /// belonged to then has a gap.
    pub(super) events: Vec<Stamped>,
}

impl Decoded {
    /// Decodes the consecutive frames in `batch`.
    pub(super) fn of(batch: &[u8]) -> Self {
        let mut decoded = Self::default();
        for (frame, _) in Frame::each(batch) {
            decoded.frames += 1;
            decoded.events.extend(decode(&frame).ok().flatten());
        }
        decoded
    }
}

/// Receives the decoded batches of a recording. The decoding thread ends after the last batch, or when the receiver is dropped.
pub(super) struct Ahead(Receiver<(Decoded, Result<Batch, SourceError>)>);

/// Sends the decoded batches.
pub(super) struct Batches(SyncSender<(Decoded, Result<Batch, SourceError>)>);

/// Returns both ends of the channel, or `None` if there is only one CPU.
pub(super) fn ahead() -> Option<(Ahead, Batches)> {
    let is_useful = thread::available_parallelism().is_ok_and(|cpus| cpus.get() > 1);
    let (sender, receiver) = sync_channel(WAITING);
    is_useful.then_some((Ahead(receiver), Batches(sender)))
}

impl Ahead {
    /// Returns the next batch, and whether there are more.
    pub(super) fn next(&self) -> (Decoded, Result<Batch, SourceError>) {
        // The thread sends the last batch before it ends.
        self.0.recv().unwrap_or_else(|_| (Decoded::default(), Ok(Batch::Last(Ended::Recording))))
    }
}

impl Batches {
    /// Decodes the whole source.
    pub(super) fn send_all(&self, source: &mut dyn Source) {
        let mut batch = Vec::new();
        loop {
            let brought = source.next(None, &mut batch);
            let is_last = matches!(brought, Ok(Batch::Last(_)));
            if self.0.send((Decoded::of(&batch), brought)).is_err() || is_last {
                return;
            }
        }
    }
}
