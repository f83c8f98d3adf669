//! Reads the machine's memory from `/proc/meminfo`.

use super::files::figures;
use crate::source::history::table::{Kib, Sample, Totals};

/// Parses the machine's memory and its totals from `/proc/meminfo`.
/// The usage is all memory that is neither free nor on the lists of file pages.
pub(in crate::source::history) fn machine(meminfo: &[u8], at_ns: u64) -> (Sample, Totals) {
    let kib = |wanted: &[u8]| {
        let found = figures(meminfo).find(|(name, _)| *name == wanted);
        found.map(|(_, kib)| kib.saturating_mul(1024))
    };
    let sum = |names: [&[u8]; 2]| Some(kib(names[0])?.saturating_add(kib(names[1])?));
    let total = kib(b"MemTotal");
    let file = sum([b"Active(file)", b"Inactive(file)"]);
    let free = kib(b"MemFree");
    let usage = total.zip(free).map(|(total, free)| total.saturating_sub(free));
    let kernel =
        sum([b"SUnreclaim", b"KernelStack"]).map(|sum| sum.saturating_add(kib(b"PageTables").unwrap_or(0)));
    let swap_total = kib(b"SwapTotal");
    let swap = swap_total.zip(kib(b"SwapFree")).map(|(total, free)| total.saturating_sub(free));
    let sample = Sample {
        usage: Kib::of(usage),
        anon: Kib::of(kib(b"AnonPages")),
        file: Kib::of(file),
        shmem: Kib::of(kib(b"Shmem")),
        kernel: Kib::of(kernel),
        swap: Kib::of(swap),
        ..Sample::at(at_ns)
    };
    (sample, Totals { memory: total, swap: swap_total })
}

#[cfg(test)]
mod tests {
    use super::machine;
    use crate::source::history::table::Totals;

    #[test]
    fn counts_memory_that_is_not_free_as_usage() {
        let text = b"MemTotal:  1000 kB\nMemFree:   200 kB\nActive(file):   50 kB\nInactive(file):  60 kB\n\
                     AnonPages:  500 kB\nSwapTotal: 10 kB\nSwapFree: 4 kB\n";
        let (sample, totals) = machine(text, 7);
        let expected = Totals { memory: Some(1000 << 10), swap: Some(10 << 10) };
        assert_eq!((sample.usage.bytes(), totals), (Some(800 << 10), expected));
        assert_eq!((sample.file.bytes(), sample.swap.bytes()), (Some(110 << 10), Some(6 << 10)));
        assert_eq!((sample.shmem.bytes(), sample.kernel.bytes()), (None, None));
        assert_eq!(sample.held_bytes(), Some(690 << 10));
    }
}
