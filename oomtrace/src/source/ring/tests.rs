use std::{
    fs::File,
    os::{fd::AsFd as _, unix::fs::FileExt as _},
};

use super::{BUSY, DISCARDED, Ring, SIZE};

/// A file with the layout of a ring buffer. All scenarios test the kernel's own ring buffer.
struct Written {
    file: File,
    page: u64,
    at: usize,
}

impl Written {
    fn starting_at(at: usize) -> Self {
        let file = tempfile::tempfile().unwrap();
        let page = u64::try_from(rustix::param::page_size()).unwrap();
        file.set_len(2 * page + u64::try_from(SIZE).unwrap()).unwrap();
        let written = Self { file, page, at };
        written.file.write_all_at(&at.to_ne_bytes(), 0).unwrap();
        written.publish();
        written
    }

    fn ring(&self) -> Ring {
        Ring::new(self.file.as_fd().try_clone_to_owned().unwrap()).unwrap()
    }

    fn publish(&self) {
        self.file.write_all_at(&self.at.to_ne_bytes(), self.page).unwrap();
    }

    fn data(&self, at: usize, bytes: &[u8]) {
        for (offset, byte) in (at..).zip(bytes) {
            let place = 2 * self.page + u64::try_from(offset % SIZE).unwrap();
            self.file.write_all_at(&[*byte], place).unwrap();
        }
    }

    fn push(&mut self, payload: &[u8], flags: u32) {
        let head = u32::try_from(payload.len()).unwrap() | flags;
        self.data(self.at, &head.to_ne_bytes());
        self.data(self.at + 8, payload);
        self.at += (8 + payload.len()).next_multiple_of(8);
        self.publish();
    }

    fn read_position(&self) -> usize {
        let mut bytes = [0; size_of::<usize>()];
        self.file.read_exact_at(&mut bytes, 0).unwrap();
        usize::from_ne_bytes(bytes)
    }
}

fn all(ring: &mut Ring) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    ring.each(|record| records.push(record.to_vec()));
    records
}

#[test]
fn joins_a_record_that_crosses_the_end() {
    let mut written = Written::starting_at(7 * SIZE - 32);
    let mut ring = written.ring();
    assert_eq!(all(&mut ring), Vec::<Vec<u8>>::new());
    let (first, crossing): (Vec<u8>, Vec<u8>) = ((0..5).collect(), (0..41).collect());
    written.push(&first, 0);
    written.push(&crossing, 0);
    written.push(&[9; 16], 0);
    assert_eq!(all(&mut ring), [first, crossing, vec![9; 16]]);
    assert_eq!(written.read_position(), written.at);
}

#[test]
fn joins_a_header_at_the_end_with_its_record() {
    let mut written = Written::starting_at(SIZE - 8);
    let mut ring = written.ring();
    written.push(&[1, 2, 3], 0);
    assert_eq!(all(&mut ring), [[1, 2, 3]]);
}

#[test]
fn waits_for_incomplete_and_skips_discarded_records() {
    let mut written = Written::starting_at(0);
    let mut ring = written.ring();
    written.push(&[1], DISCARDED);
    written.push(&[2], 0);
    let busy = written.at;
    written.push(&[3], BUSY);
    written.push(&[4], 0);
    assert_eq!(all(&mut ring), [[2]]);
    assert_eq!(written.read_position(), busy);
    written.data(busy, &1_u32.to_ne_bytes());
    assert_eq!(all(&mut ring), [[3], [4]]);
}
