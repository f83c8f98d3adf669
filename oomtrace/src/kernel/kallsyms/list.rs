//! Names of calls from `/proc/kallsyms`, for kernels that cannot name them. The list has several megabytes, and the kernel
//! generates each line as it is read. So it is read in pieces, and none of it is kept.

use std::{fs::File, io, os::unix::fs::FileExt as _};

use super::naming::Call;

/// The maximum size of a function in bytes. A symbol that is further away does not contain the address.
const REACH: u64 = 1 << 20;
/// Bytes of a piece. The kernel returns one page per read.
const PIECE_BYTES: usize = 4 << 10;
/// After this many lines with address zero, addresses are hidden. A few per-CPU symbols may really lie at 0.
const HIDDEN_LINES: u32 = 32;
/// The longest line: a name has up to 511 bytes, and a module's name 56.
const LINE_BYTES: usize = 1 << 10;

/// The open list. The kernel shows addresses if the process was allowed to see them when it opened the list.
#[derive(Debug)]
pub struct List {
    file: File,
}

impl List {
    /// Opens the list; `None` if that is not allowed.
    #[must_use]
    pub fn open() -> Option<Self> {
        File::open("/proc/kallsyms").ok().map(|file| Self { file })
    }
}

/// Code that a return probe puts between a function and its caller. Such a "call" returns to the first byte of this code, not behind
/// a call instruction. <https://github.com/torvalds/linux/blob/v5.10/arch/arm64/kernel/probes/kprobes_trampoline.S>
pub(crate) const TRAMPOLINES: [&str; 3] =
    ["kretprobe_trampoline", "__kretprobe_trampoline", "arch_rethook_trampoline"];

/// A search through the list for calls.
#[derive(Debug)]
pub struct Finder {
    wanted: Vec<Wanted>,
    /// The offset in the list where the next piece begins.
    at: u64,
    /// The beginning of a line whose rest has not been read.
    rest: Vec<u8>,
    zeros: u32,
}

/// A call, and the symbols found for it so far.
#[derive(Debug)]
struct Wanted {
    address: u64,
    /// Whether the address is the start of a trampoline.
    is_start: bool,
    /// The last symbol at or before the address.
    below: Option<Symbol>,
    /// The next symbol.
    above: Option<Symbol>,
}

#[derive(Debug)]
struct Symbol {
    address: u64,
    name: String,
    module: Option<String>,
}

impl Finder {
    /// Starts a search for the calls that return to these addresses.
    #[must_use]
    pub fn new(addresses: &[u64]) -> Self {
        let wanted = |address: &u64| Wanted { address: *address, is_start: false, below: None, above: None };
        Self { wanted: addresses.iter().map(wanted).collect(), at: 0, rest: Vec::new(), zeros: 0 }
    }

    /// Reads the next piece of the list. Returns whether there may be more.
    pub fn read_on(&mut self, list: &List) -> bool {
        let mut piece = [0; PIECE_BYTES];
        let read = match list.file.read_at(&mut piece, self.at) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return true,
            Err(_) => 0,
        };
        self.at = self.at.saturating_add(u64::try_from(read).unwrap_or(0));
        read > 0 && self.take(piece.get(..read).unwrap_or_default())
    }

    /// Takes a piece of the list. Returns whether the next one may help.
    pub fn take(&mut self, piece: &[u8]) -> bool {
        let mut lines = piece.split_inclusive(|byte| *byte == b'\n');
        if let Some(first) = lines.next() {
            self.rest.extend_from_slice(first);
        }
        for next in lines {
            self.take_line();
            self.rest.extend_from_slice(next);
        }
        if self.rest.ends_with(b"\n") || self.rest.len() > LINE_BYTES {
            self.take_line();
        }
        self.zeros < HIDDEN_LINES
    }

    fn take_line(&mut self) {
        let line = std::mem::take(&mut self.rest);
        if let Some((address, name, module)) = std::str::from_utf8(&line).ok().and_then(parse) {
            self.zeros = self.zeros.saturating_add(u32::from(address == 0));
            self.wanted.iter_mut().for_each(|wanted| wanted.look_at(address, name, module));
        }
        self.rest = line;
        self.rest.clear();
    }

    /// The result: each address that has a symbol.
    #[must_use]
    pub fn found(self) -> Vec<(u64, Call)> {
        self.wanted.into_iter().filter_map(|wanted| Some((wanted.address, wanted.call()?))).collect()
    }
}

impl Wanted {
    /// If several symbols have the same address, the kernel uses the first as the name.
    fn look_at(&mut self, address: u64, name: &str, module: Option<&str>) {
        if address == self.address && TRAMPOLINES.contains(&name) {
            (self.is_start, self.below, self.above) = (true, None, None);
        }
        // A call at the end of a function returns to the next one.
        let within = if self.is_start { self.address } else { self.address.wrapping_sub(1) };
        let is_near = address != 0 && address.abs_diff(within) <= REACH;
        let symbol = || Symbol { address, name: name.to_owned(), module: module.map(str::to_owned) };
        if is_near && address <= within && self.below.as_ref().is_none_or(|below| below.address < address) {
            self.below = Some(symbol());
        } else if is_near
            && address > within
            && self.above.as_ref().is_none_or(|above| above.address > address)
        {
            self.above = Some(symbol());
        }
    }

    fn call(self) -> Option<Call> {
        let below = self.below?;
        let above = self.above.filter(|above| above.module == below.module);
        Some(Call {
            offset: self.address.checked_sub(below.address)?,
            size: above.and_then(|above| above.address.checked_sub(below.address)),
            name: below.name,
            module: below.module,
        })
    }
}

/// `ffffffffc0a01000 t name\t[module]`.
fn parse(line: &str) -> Option<(u64, &str, Option<&str>)> {
    let mut words = line.split_ascii_whitespace();
    let address = u64::from_str_radix(words.next()?, 16).ok()?;
    let name = words.nth(1)?;
    let module = words.next().and_then(|word| word.strip_prefix('[')?.strip_suffix(']'));
    Some((address, name, module))
}

#[cfg(test)]
mod tests {
    use super::{Finder, List};
    use crate::kernel::kallsyms::{Call, Naming, address};

    const TEXT: &str = "\
0000000000000000 A fixed_percpu_data
ffffffff81000000 T _text
ffffffff81000000 T _stext
ffffffff81000100 t do_one
ffffffff81000140 T do_two
ffffffff82000000 B _end
ffffffffc0001000 t later\t[ext4]
ffffffffc0000100 t ext4_alloc\t[ext4]
ffffffffc0000200 t ext4_free\t[ext4]
ffffffffc0005000 t bpf_prog_6deef7357e7b4530\t[bpf]
";

    fn call(name: &str, offset: u64, size: Option<u64>, module: Option<&str>) -> Call {
        Call { name: name.to_owned(), offset, size, module: module.map(str::to_owned) }
    }

    #[test]
    fn finds_calls_for_any_piece_size() {
        let text = u64::MAX - 0x7eff_ffff;
        let module = u64::MAX - 0x3fff_ffff;
        let addresses = [text + 5, text + 0x140, module + 0x150, module + 0x5010, text + 0x80_0000, 7];
        for bytes in 1..TEXT.len() {
            let mut finder = Finder::new(&addresses);
            for piece in TEXT.as_bytes().chunks(bytes) {
                assert!(finder.take(piece));
            }
            let expected = [
                (addresses[0], call("_text", 5, Some(0x100), None)),
                (addresses[1], call("do_one", 0x40, Some(0x40), None)),
                (addresses[2], call("ext4_alloc", 0x50, Some(0x100), Some("ext4"))),
                (addresses[3], call("bpf_prog_6deef7357e7b4530", 0x10, None, Some("bpf"))),
            ];
            assert_eq!(finder.found(), expected, "pieces of {bytes} bytes");
        }
    }

    #[test]
    fn names_a_trampoline_at_its_start() {
        let text = "\
ffffffff81000100 T before
ffffffff81000140 T kretprobe_trampoline
ffffffff81000180 T behind
";
        let at = u64::MAX - 0x7eff_ffff;
        let mut finder = Finder::new(&[at + 0x140, at + 0x180]);
        assert!(finder.take(text.as_bytes()));
        let expected = [
            (at + 0x140, call("kretprobe_trampoline", 0, Some(0x40), None)),
            (at + 0x180, call("kretprobe_trampoline", 0x40, Some(0x40), None)),
        ];
        assert_eq!(finder.found(), expected);
    }

    #[test]
    fn gives_up_if_addresses_are_hidden() {
        let mut finder = Finder::new(&[u64::MAX - 0x7eff_ffff]);
        assert!(!finder.take("0000000000000000 T name\n".repeat(40).as_bytes()));
        assert_eq!(finder.found(), []);
    }

    #[test]
    fn agrees_with_the_kernels_own_name() {
        // If unprivileged, before 5.14 or with hidden addresses, there is nothing to compare.
        let (Some(naming), Some(address)) = (Naming::new(), address("out_of_memory")) else { return };
        let addresses: Vec<u64> = (address..address + 0x2000).step_by(0x155).collect();
        let (list, mut finder) = (List::open().unwrap(), Finder::new(&addresses));
        while finder.read_on(&list) {}
        let told = addresses.iter().filter_map(|address| Some((*address, naming.name(*address)?)));
        assert_eq!(finder.found(), told.collect::<Vec<_>>());
    }
}
