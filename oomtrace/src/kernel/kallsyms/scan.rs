//! Reads `/proc/kallsyms` line by line.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
};

/// After this many lines with address zero, addresses are hidden. A few per-CPU symbols may really lie at 0.
const HIDDEN_LINES: u32 = 32;
/// Bytes per read. The kernel generates each line as it is read, which takes most of the time.
const CHUNK_BYTES: usize = 128 << 10;

/// The addresses of the core kernel's symbols with these names, in one reading.
///
/// `None` if an address cannot be determined: `/proc/kallsyms` is not readable, shows zeros (`kernel.kptr_restrict`, or no
/// `CAP_SYSLOG`), or has no data symbols (a kernel without `CONFIG_KALLSYMS_ALL`).
#[must_use]
pub(super) fn addresses<const N: usize>(names: [&str; N]) -> [Option<u64>; N] {
    let Ok(file) = File::open("/proc/kallsyms") else { return [None; N] };
    find_all(BufReader::with_capacity(CHUNK_BYTES, file), names).unwrap_or([None; N])
}

/// Finds the address of a symbol in text of this form: `ffffffff82a0d2c0 D __per_cpu_offset`. It stops at the symbol, at the first
/// symbol of a module, or when it is clear that addresses are hidden.
///
/// # Errors
/// If reading fails.
pub fn find(symbols: impl BufRead, name: &str) -> io::Result<Option<u64>> {
    find_all(symbols, [name]).map(|[address]| address)
}

/// Finds the addresses of several symbols like [`find`]. It stops when it has found all of them.
fn find_all<const N: usize>(mut symbols: impl BufRead, names: [&str; N]) -> io::Result<[Option<u64>; N]> {
    let (mut line, mut zeros) = (Vec::new(), 0);
    let mut found: [Option<Option<u64>>; N] = [None; N];
    while found.contains(&None) {
        line.clear();
        let ended = symbols.read_until(b'\n', &mut line)? == 0;
        let text = line.trim_ascii_end();
        if ended || text.ends_with(b"]") || zeros == HIDDEN_LINES {
            break;
        }
        if text.starts_with(b"0000000000000000 ") {
            zeros += 1;
        }
        let unknown = names.iter().zip(&mut found).filter(|(_, found)| found.is_none());
        for (name, found) in unknown {
            *found = address_of(text, name);
        }
    }
    Ok(found.map(Option::flatten))
}

/// Returns the address in the line, `Some(None)` if it is 0, and `None` if the line is that of another symbol.
fn address_of(line: &[u8], name: &str) -> Option<Option<u64>> {
    let [address @ .., b' ', _kind, b' '] = line.strip_suffix(name.as_bytes())? else { return None };
    let address = core::str::from_utf8(address).ok().and_then(|hex| u64::from_str_radix(hex, 16).ok());
    Some(address.filter(|address| *address != 0))
}
