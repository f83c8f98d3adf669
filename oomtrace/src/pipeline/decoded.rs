//! Decoded frames, ahead of what they are assembled to.
//!
//! One CPU reads, checks and decodes a recording while the other assembles and reports what came before. The events arrive in the same
//! order and the same batches as without a second thread.

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

/// Batches that wait to be assembled. A batch of a recording is decoded from 64 KiB.
const WAITING: usize = 4;

/// The frames of one batch.
#[derive(Default)]
pub(super) struct Decoded {
    /// How many, including those that do not decode.
    pub(super) frames: u64,
    /// A frame that does not decode is one the kernel side and this side disagree about: the incident that it belonged to shows
    /// the gap.
    pub(super) events: Vec<Stamped>,
}

impl Decoded {
    /// Of the frames that stand in a row in `batch`.
    pub(super) fn of(batch: &[u8]) -> Self {
        let mut decoded = Self::default();
        for (frame, _) in Frame::each(batch) {
            decoded.frames += 1;
            decoded.events.extend(decode(&frame).ok().flatten());
        }
        decoded
    }
}

/// The batches of a recording. The thread that decodes them ends after the last one, or when nobody receives them any more.
pub(super) struct Ahead(Receiver<(Decoded, Result<Batch, SourceError>)>);

/// Where the thread puts them.
pub(super) struct Batches(SyncSender<(Decoded, Result<Batch, SourceError>)>);

/// Both ends; `None` if there is a single CPU.
pub(super) fn ahead() -> Option<(Ahead, Batches)> {
    let is_useful = thread::available_parallelism().is_ok_and(|cpus| cpus.get() > 1);
    let (sender, receiver) = sync_channel(WAITING);
    is_useful.then_some((Ahead(receiver), Batches(sender)))
}

impl Ahead {
    /// The next batch, and whether there are more.
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
