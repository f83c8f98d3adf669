//! The reader of the kernel's ring buffer, which maps the data once.
//!
//! The kernel offers the data twice in a row, so that each record is one slice. Resident memory would then contain these pages twice. This
//! reader maps them once, and copies a record that crosses the end of the ring.
//! <https://github.com/torvalds/linux/blob/v6.12/kernel/bpf/ringbuf.c#L108> (the layout)

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::atomic::{AtomicU32, AtomicUsize, Ordering, fence},
};

use oomtrace_common::limits::RING_BYTES;

use self::pages::Pages;

mod pages;

/// Bytes of the data; a power of two.
const SIZE: usize = RING_BYTES as usize;

/// Bytes before each record: its length with two flags, and a page number that only the kernel uses.
const HEAD_BYTES: usize = 8;

/// The record is reserved and not yet written.
const BUSY: u32 = 1 << 31;

/// The kernel side reserved the record and gave it up.
const DISCARDED: u32 = 1 << 30;

/// Records begin at multiples of this.
const ALIGNMENT: usize = 8;

/// Room for a record that crosses the end: a full chunk of candidates fits.
const JOINED_BYTES: usize = 32 << 10;

/// The only reader of the map.
pub(super) struct Ring {
    map: OwnedFd,
    /// How far the data was read: one page, shared with the kernel.
    consumer: Pages,
    /// How far the data was written: one page, then the data.
    producer: Pages,
    page: usize,
    /// As the consumer's page has it.
    read: usize,
    /// A record that crosses the end of the ring.
    joined: Vec<u8>,
}

impl Ring {
    /// Maps the ring buffer.
    ///
    /// # Errors
    ///
    /// If the kernel does not map it.
    pub(super) fn new(map: OwnedFd) -> io::Result<Self> {
        let page = rustix::param::page_size();
        let consumer = Pages::writable(map.as_fd(), 0, page)?;
        let producer = Pages::readable(map.as_fd(), page, page + SIZE)?;
        let read = consumer.word::<AtomicUsize>(0).map_or(0, |word| word.load(Ordering::Acquire));
        // Touched, so that it is in memory before memory is short.
        let mut joined = vec![1; JOINED_BYTES];
        joined.clear();
        Ok(Self { map, consumer, producer, page, read, joined })
    }

    /// Passes on each record that is complete, in order, and then gives its place back to the kernel.
    pub(super) fn each(&mut self, mut take: impl FnMut(&[u8])) {
        while let Some((length, is_discarded)) = self.head() {
            if !is_discarded {
                take(self.record(length));
            }
            self.read = self.read.wrapping_add((HEAD_BYTES + length).next_multiple_of(ALIGNMENT));
            if let Some(word) = self.consumer.word::<AtomicUsize>(0) {
                word.store(self.read, Ordering::Release);
            }
            // The kernel wakes a reader that was at the record it completes. Either it sees the new position, or the reads below
            // see its record.
            fence(Ordering::SeqCst);
        }
    }

    /// The length of the next record and whether it was given up; `None` if there is none, or if it is not complete.
    fn head(&self) -> Option<(usize, bool)> {
        let written = self.producer.word::<AtomicUsize>(0)?.load(Ordering::Acquire);
        if written == self.read {
            return None;
        }
        let head = self.producer.word::<AtomicU32>(self.page + self.read % SIZE)?.load(Ordering::Acquire);
        let length = usize::try_from(head & !(BUSY | DISCARDED)).ok()?;
        (head & BUSY == 0).then_some((length, head & DISCARDED != 0))
    }

    /// The record after its head. Positions are multiples of eight, so a head never crosses the end.
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
