//! The table of candidates of the current pass. It is filled task by task, and sent only if the pass chooses a task or starts a
//! run of empty passes.
//!
//! One table is enough, because there is one pass at a time. It is allocated in advance, because memory is short during a pass.

use aya_ebpf::{macros::map, maps::Array};
use oomtrace_common::{
    event::{Candidate, CandidatesHead},
    frame::{FrameHeader, Kind},
    limits::{CHUNK_ROWS, TABLE_CHUNKS, TABLE_ROWS},
};

use crate::{
    emit::{self, now},
    kernel::{
        candidate,
        layout::slot,
        read::{Address, Probed, Read, value},
        task,
    },
    pass::{self, Pass},
};

/// A frame. It is sent up to its last row in use.
#[repr(C)]
struct Chunk {
    header: FrameHeader,
    head: CandidatesHead,
    rows: [Candidate; CHUNK_ROWS as usize],
}

/// Number of bytes before the rows.
const FRAME_HEAD_BYTES: u64 = (size_of::<FrameHeader>() + size_of::<CandidatesHead>()) as u64;

/// The row that is reserved for a task that is chosen when all other rows are taken.
const LAST_ROW: u32 = TABLE_ROWS - 1;

/// The value for no points, the same as in the kernel.
pub(crate) const NO_POINTS: i64 = i64::MIN;

#[map]
static TABLE: Array<Chunk> = Array::with_max_entries(TABLE_CHUNKS, 0);

/// Adds an evaluated task with its points and the result of its evaluation. The work is the same for every task, because this
/// runs under `oom_lock`.
#[inline(always)]
pub(crate) fn add<R: Read>(pass: &mut Pass, task: Address, returned: i32) {
    if task::is_kthread::<R>(task) {
        pass.kernel_threads += 1;
        return;
    }
    let chosen = chosen(pass, task);
    if pass.rows >= LAST_ROW && chosen == 0 {
        leave_out(pass, pass.points);
        return;
    }
    let Some(row) = row(pass.rows) else { return };
    if pass.rows < LAST_ROW {
        pass.rows += 1;
    } else if pass.last_taken != 0 {
        leave_out(pass, row.points);
    } else {
        pass.last_taken = 1;
    }
    candidate::copy::<R>(task, row);
    row.present |= pass.points_seen | chosen;
    row.points = pass.points;
    row.returned = returned as i16;
}

/// Returns [`Candidate::CHOSEN`] if `oc->chosen` is this task now. Its points are then known even if `oom_badness` is not hooked.
#[inline(always)]
fn chosen(pass: &mut Pass, task: Address) -> u32 {
    let oc = core::ptr::without_provenance(pass.oc as usize);
    if value::<Probed, u64>(oc, slot!(oom_control_chosen)).0 != task.addr() as u64 {
        return 0;
    }
    Probed::copy(oc, slot!(oom_control_chosen_points), &mut pass.points);
    Candidate::CHOSEN
}

#[inline(always)]
fn leave_out(pass: &mut Pass, points: i64) {
    pass.left_out += 1;
    if pass.left_out_points < points {
        pass.left_out_points = points;
    }
}

/// Returns the row with this number, or `None` after the end of the table.
#[inline(always)]
fn row(number: u32) -> Option<&'static mut Candidate> {
    let chunk = chunk(number / CHUNK_ROWS)?;
    chunk.rows.get_mut((number % CHUNK_ROWS) as usize)
}

#[inline(always)]
fn chunk(number: u32) -> Option<&'static mut Chunk> {
    // SAFETY: this is an element of the map and lives as long as the program. Only the hooks inside the pass use it, one after
    // the other.
    TABLE.get_ptr_mut(number).map(|chunk| unsafe { &mut *chunk })
}

/// Sends the table, chunk by chunk. This and [`send_chunk`] are global functions for the verifier: it walks each of them once, and
/// not once for each path to them or for each chunk.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn send_table() -> u64 {
    let Some(pass) = pass::record() else { return 0 };
    if pass.evaluated == 0 {
        return 0;
    }
    let rows = u64::from(pass.rows + pass.last_taken);
    // The first chunk is sent even without a row, because it contains the counts.
    send_chunk(0, rows);
    for number in 1..u64::from(TABLE_CHUNKS) {
        if number * u64::from(CHUNK_ROWS) >= rows {
            break;
        }
        send_chunk(number, rows);
    }
    0
}

/// Sends the chunk with this number of a table with `rows` rows.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn send_chunk(number: u64, rows: u64) -> u64 {
    let (Some(pass), Some(chunk)) = (pass::record(), chunk(number as u32)) else { return 0 };
    let first = number * u64::from(CHUNK_ROWS);
    let rows = rows.saturating_sub(first).min(u64::from(CHUNK_ROWS));
    let len = FRAME_HEAD_BYTES + rows * size_of::<Candidate>() as u64;
    chunk.header = FrameHeader {
        kind: Kind::Candidate.number(),
        reserved: 0,
        len: (len - size_of::<FrameHeader>() as u64) as u32,
        boot_ns: now(),
        pass: pass.entry_ns,
    };
    chunk.head = CandidatesHead {
        head_bytes: size_of::<CandidatesHead>() as u32,
        row_bytes: size_of::<Candidate>() as u32,
        rows: rows as u32,
        first: first as u32,
        kernel_threads: pass.kernel_threads,
        left_out: pass.left_out,
        left_out_points: pass.left_out_points,
    };
    emit::copy_out((&raw const *chunk).cast(), len, Kind::Candidate);
    0
}
