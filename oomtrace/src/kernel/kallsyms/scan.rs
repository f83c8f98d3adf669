//! Reads `/proc/kallsyms` line by line.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
};

/// After this many lines with address zero, addresses are hidden. A few per-CPU symbols may really lie at 0.
const HIDDEN_LINES: u32 = 32;
/// Bytes per read. The kernel generates each line as it is read, which takes most of the time.
const CHUNK_BYTES: usize = 128 << 10;

/// The address of the core kernel's symbol with this name.
///
/// `None` if it cannot be determined: `/proc/kallsyms` is not readable, shows zeros (`kernel.kptr_restrict`, or no
/// `CAP_SYSLOG`), or has no data symbols (a kernel without `CONFIG_KALLSYMS_ALL`).
#[must_use]
pub(super) fn address(name: &str) -> Option<u64> {
    let file = File::open("/proc/kallsyms").ok()?;
    find(BufReader::with_capacity(CHUNK_BYTES, file), name).ok().flatten()
}

/// Like `address`, from text in this form: `ffffffff82a0d2c0 D __per_cpu_offset`. It stops at the symbol, at the first symbol
/// of a module, or when it is clear that addresses are hidden.
///
/// # Errors
/// If reading fails.
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
