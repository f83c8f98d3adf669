//! Decodes a chunk of the table of candidates: a head and rows, whose sizes may differ between versions.

use oomtrace_common::{
    event::{Candidate, CandidatesHead},
    limits::TABLE_ROWS,
};
use zerocopy::FromBytes as _;

use super::wire;
use crate::event::Candidates;

/// The head, and the rows that are complete. No frame has more rows than the whole table.
pub(crate) fn candidates(payload: &[u8]) -> Candidates {
    let promised = u32::read_from_prefix(payload).map_or(0, |(bytes, _)| bytes);
    let (head, rows) = payload.split_at(length(promised).min(payload.len()));
    let head: CandidatesHead = wire(head);
    let count = length(head.rows.min(TABLE_ROWS));
    let rows = match length(head.row_bytes) {
        0 => Vec::new(),
        stride => rows.chunks_exact(stride).take(count).map(wire::<Candidate>).collect(),
    };
    Candidates { head, rows }
}

fn length(bytes: u32) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use oomtrace_common::event::{Candidate, CandidatesHead};
    use zerocopy::{FromZeros as _, IntoBytes as _};

    use super::{TABLE_ROWS, candidates};

    fn row(pid: i32) -> Candidate {
        Candidate { pid, points: -7, returned: 1, ..Candidate::new_zeroed() }
    }

    /// A head and rows with strides of their own, each padded with ones.
    fn payload(head_bytes: usize, row_bytes: usize, rows: &[Candidate]) -> Vec<u8> {
        let fitted = |bytes: &[u8], len: usize| {
            let mut bytes = bytes.to_vec();
            bytes.resize(len, 0xff);
            bytes
        };
        let head = CandidatesHead {
            head_bytes: u32::try_from(head_bytes).unwrap(),
            row_bytes: u32::try_from(row_bytes).unwrap(),
            rows: u32::try_from(rows.len()).unwrap(),
            first: 64,
            kernel_threads: 3,
            left_out: 2,
            left_out_points: i64::MIN,
        };
        let rows = rows.iter().flat_map(|row| fitted(row.as_bytes(), row_bytes));
        fitted(head.as_bytes(), head_bytes).into_iter().chain(rows).collect()
    }

    #[test]
    fn reads_rows_at_the_stride_in_the_frame() {
        let rows = [row(5), row(6)];
        let today = candidates(&payload(32, 104, &rows));
        assert_eq!((today.head.first, today.head.kernel_threads, today.head.left_out), (64, 3, 2));
        assert_eq!(today.rows, rows);
        let later = candidates(&payload(40, 112, &rows));
        assert_eq!((later.head.left_out_points, &later.rows[..]), (i64::MIN, &rows[..]));
        let earlier = candidates(&payload(16, 40, &rows));
        assert_eq!((earlier.head.first, earlier.head.left_out), (64, 0));
        assert_eq!((earlier.rows[1].pid, earlier.rows[1].points, earlier.rows[1].returned), (6, -7, 0));
    }

    #[test]
    fn reads_the_complete_rows_of_a_cut_or_damaged_chunk() {
        let whole = payload(32, 104, &[row(5), row(6)]);
        for cut in 0..whole.len() {
            let table = candidates(&whole[..cut]);
            assert_eq!(table.rows.len(), cut.saturating_sub(32) / 104, "cut at {cut}");
        }
        // Every word of the head, set to misleading values.
        for word in 0..8 {
            for value in [0, 1, 7, u32::MAX - 1, u32::MAX] {
                let mut damaged = whole.clone();
                damaged[word * 4..word * 4 + 4].copy_from_slice(&value.to_le_bytes());
                assert!(candidates(&damaged).rows.len() <= whole.len());
            }
        }
    }

    #[test]
    fn reads_no_more_rows_than_the_table_has() {
        let mut head = CandidatesHead::new_zeroed();
        (head.head_bytes, head.row_bytes, head.rows) = (32, 1, u32::MAX);
        let bytes = [head.as_bytes(), &[1; 100_000]].concat();
        assert_eq!(u32::try_from(candidates(&bytes).rows.len()), Ok(TABLE_ROWS));
    }
}
