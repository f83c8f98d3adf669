//! A fixed piece of work, done in the guest and on the host, which calibrates the time of an emulated processor.
//!
//! It treats a list as the kernel and the tracer treat the list of tasks: each record lies elsewhere in memory than the
//! previous one, some of its words are read, and a row of a table is written.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, ensure};
use oomtrace_scenarios::cost::FixedWork;

/// A number of records that exceeds every cache and equals the rows of the tracer's table, and a number that fits the nearest
/// cache.
const MANY: usize = 8192;
const FEW: usize = 8;
/// Words of a record. Every [`STEP`]th word is read.
const WORDS: usize = 256;
const STEP: usize = 32;
/// Words of a row.
const ROW: usize = WORDS / STEP;
/// Records visited per repetition, and repetitions. The fastest repetition counts.
const VISITS: usize = 8 * MANY;
const TRIES: u32 = 5;

/// A record. Its first word is the number of the next one.
type Record = [u64; WORDS];

/// Measures the time for one record, in ns.
pub(crate) fn measure() -> Result<FixedWork> {
    Ok(FixedWork { cold_ns: ns_per_record(MANY)?, warm_ns: ns_per_record(FEW)? })
}

fn ns_per_record(records: usize) -> Result<f64> {
    let list = list(records)?;
    let mut table = vec![[0; ROW]; records];
    let mut quickest = f64::INFINITY;
    for _ in 0..TRIES {
        let start = Instant::now();
        for _ in 0..VISITS / records {
            ensure!(walk(black_box(&list), &mut table) == records, "the list was not walked to its end");
            black_box(&table);
        }
        quickest = quickest.min(start.elapsed().as_secs_f64());
    }
    Ok(quickest * 1e9 / f64::from(u32::try_from(VISITS)?))
}

/// Links every record once, in an order that looks random (a linear congruence of full period).
fn list(records: usize) -> Result<Vec<Record>> {
    let mut list = vec![[1; WORDS]; records];
    for (number, record) in list.iter_mut().enumerate() {
        let next = (number * 2685 + 4219) % records;
        if let Some(first) = record.first_mut() {
            *first = u64::try_from(next)?;
        }
    }
    Ok(list)
}

/// Walks until the first record comes again. Returns the number of records.
fn walk(list: &[Record], table: &mut [[u64; ROW]]) -> usize {
    let (mut visited, mut at) = (0, 0);
    for row in table {
        let Some(record) = usize::try_from(at).ok().and_then(|at| list.get(at)) else { break };
        for (to, from) in row.iter_mut().zip(record.iter().step_by(STEP)) {
            *to = *from;
        }
        visited += 1;
        at = record.first().copied().unwrap_or_default();
        if at == 0 {
            break;
        }
    }
    visited
}

#[cfg(test)]
mod tests {
    use super::{FEW, MANY, ROW, list, walk};

    #[test]
    fn visits_every_record_once() {
        for records in [FEW, MANY] {
            let mut table = vec![[0; ROW]; records + 1];
            assert_eq!(walk(&list(records).unwrap(), &mut table), records);
            let mut nexts: Vec<u64> = table.iter().take(records).map(|row| row[0]).collect();
            nexts.sort_unstable();
            nexts.dedup();
            assert_eq!(nexts.len(), records);
        }
    }
}
