//! `/proc/kallsyms`, line by line.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
};

/// Lines of a zero address after which it is clear that addresses are hidden: a few per-CPU symbols may really lie at 0.
const HIDDEN_LINES: u32 = 32;
/// Bytes asked of the kernel at once. It makes up each line as it is read, which is what takes the time.
const CHUNK_BYTES: usize = 128 << 10;

/// The address of the core kernel's symbol of that name.
///
/// `None` where it cannot be told: `/proc/kallsyms` is not readable, shows zeros (`kernel.kptr_restrict`, or without
/// `CAP_SYSLOG`), or has no data symbols (a kernel without `CONFIG_KALLSYMS_ALL`).
#[must_use]
pub(super) fn address(name: &str) -> Option<u64> {
    let file = File::open("/proc/kallsyms").ok()?;
    find(BufReader::with_capacity(CHUNK_BYTES, file), name).ok().flatten()
}

/// As [`address`], from text of that form: `ffffffff82a0d2c0 D __per_cpu_offset`. Reads no further than the symbol,
/// the first symbol of a module, or what shows that addresses are hidden.
///
/// # Errors
/// When reading fails.
pub fn find(mut symbols: impl BufRead, name: &str) -> io::Result<Option<u64>> {
    let mut line = Vec::new();
    let mut zeros = 0;
    loop {
        line.clear();
        let ended = symbols.read_until(b'\n', &mut line)? == 0;
        let text = line.trim_ascii_end();
        let is_of_module = text.ends_with(b"]");
        if ended || is_of_module || zeros == HIDDEN_LINES {
            return Ok(None);
        }
        if text.starts_with(b"0000000000000000 ") {
            zeros += 1;
        }
        let Some(head) = text.strip_suffix(name.as_bytes()) else {
            continue;
        };
        if let [address @ .., b' ', _kind, b' '] = head {
            let address =
                core::str::from_utf8(address).ok().and_then(|hex| u64::from_str_radix(hex, 16).ok());
            return Ok(address.filter(|address| *address != 0));
        }
    }
}
