//! Reads the kernel's ring buffer. The reader maps the data once.
//!
//! The kernel can map the data twice in a row, so that each record is one slice. The resident memory would then include these
//! pages twice.
//! This reader maps them once and copies a record that crosses the end of the ring.
//! <https://github.com/torvalds/linux/blob/v6.12/kernel/bpf/ringbuf.c#L108> (the layout)

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::atomic::{AtomicU32, AtomicUsize, Ordering, fence},
};

use oomtrace_common::limits::RING_BYTES;

use self::pages::Pages;

mod pages;

/// Size of the data in bytes; a power of two.
const SIZE: usize = RING_BYTES as usize;

/// Size of the header before each record, in bytes: the record's length with two flags, and a page number that only the
/// kernel uses.
const HEAD_BYTES: usize = 8;

/// Flag: the record is reserved and not written yet.
const BUSY: u32 = 1 << 31;

/// Flag: the kernel side reserved the record and then discarded it.
const DISCARDED: u32 = 1 << 30;

/// Alignment of the records, in bytes.
const ALIGNMENT: usize = 8;

/// Size of the buffer for a record that crosses the end. A full chunk of candidates fits.
const JOINED_BYTES: usize = 32 << 10;

/// The only reader of the map.
pub(super) struct Ring {
    map: OwnedFd,
    /// The read position: one page, shared with the kernel.
    consumer: Pages,
    /// The write position: one page, followed by the data.
    producer: Pages,
    page: usize,
    /// The read position, as in the consumer's page.
    read: usize,
    /// Buffer for a record that crosses the end of the ring.
    joined: Vec<u8>,
}

impl Ring {
    /// Maps the ring buffer.
    ///
    /// # Errors
    ///
    /// If the kernel refuses the mapping.
    pub(super) fn new(map: OwnedFd) -> io::Result<Self> {
        let page = rustix::param::page_size();
        let consumer = Pages::writable(map.as_fd(), 0, page)?;
        let producer = Pages::readable(map.as_fd(), page, page + SIZE)?;
        let read = consumer.word::<AtomicUsize>(0).map_or(0, |word| word.load(Ordering::Acquire));
        // Write to the buffer, so that it is in memory before memory is short.
        let mut joined = vec![1; JOINED_BYTES];
        joined.clear();
        Ok(Self { map, consumer, producer, page, read, joined })
    }

    /// Passes on each complete record, in order, and then returns its space to the kernel.
    pub(super) fn each(&mut self, mut take: impl FnMut(&[u8])) {
        while let Some((length, is_discarded)) = self.head() {
            if !is_discarded {
                take(self.record(length));
            }
            self.read = self.read.wrapping_add((HEAD_BYTES + length).next_multiple_of(ALIGNMENT));
            if let Some(word) = self.consumer.word::<AtomicUsize>(0) {
                word.store(self.read, Ordering::Release);
            }
            // The kernel wakes a reader that has reached the record being completed.
            // The fence makes sure that either the kernel sees the new position, or the reads below see the kernel's record.
            fence(Ordering::SeqCst);
        }
    }

    /// Returns the length of the next record and whether it was discarded; `None` if there is no complete record.
    fn head(&self) -> Option<(usize, bool)> {
        let written = self.producer.word::<AtomicUsize>(0)?.load(Ordering::Acquire);
        if written == self.read {
            return None;
        }
        let head = self.producer.word::<AtomicU32>(self.page + self.read % SIZE)?.load(Ordering::Acquire);
        let length = usize::try_from(head & !(BUSY | DISCARDED)).ok()?;
        (head & BUSY == 0).then_some((length, head & DISCARDED != 0))
    }

    /// Returns the record after its header. Positions are multiples of eight, so a header never crosses the end.
    fn record(&mut self, length: usize) -> &[u8] {
        let start = (self.read + HEAD_BYTES) % SIZE;
        let until_end = length.min(SIZE - start);
        let first = self.producer.bytes(self.page + start, until_end);
        if until_end == length {
            return first;
        }
        self.joined.clear();
        self.joined.extend_from_slice(first);
        self.joined.extend_from_slice(self.producer.bytes(self.page, length - until_end));
        &self.joined
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.map.as_fd()
    }
}

#[cfg(test)]
mod tests;
