//! Finds the files that the calls of a user stack are in, from `/proc/PID/maps`.

use std::{fs::File, io::Read as _};

use oomtrace_common::event::UserCall;

use crate::{bytes::ByteString, context::UserSymbol, incident::build_id};

/// Maximum number of bytes of `/proc/PID/maps` that are read: about 3000 mappings.
const MAPS_BYTES: u64 = 256 << 10;

/// A mapping of executable code from a file.
#[derive(Debug, PartialEq, Eq)]
struct Mapping<'a> {
    start: u64,
    end: u64,
    /// Offset in the file at which the mapping begins.
    offset: u64,
    path: &'a [u8],
}

/// Maximum number of files that are kept for a call. Large programs have dozens of libraries with code at the same offset.
const FILES: usize = 32;

/// A call, and the files that have code at its place. The call names its file if there is only one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::source) struct Located {
    pub(in crate::source) symbol: UserSymbol,
    pub(in crate::source) files: Vec<ByteString>,
}

/// Returns the files of a process's calls while it still runs; empty if no file is known.
pub(in crate::source) fn locate(pid: i32, calls: &[UserCall]) -> Vec<Located> {
    located(pid, calls).unwrap_or_default()
}

fn located(pid: i32, calls: &[UserCall]) -> Option<Vec<Located>> {
    if calls.is_empty() || pid <= 0 {
        return None;
    }
    let mut text = Vec::new();
    File::open(format!("/proc/{pid}/maps")).ok()?.take(MAPS_BYTES).read_to_end(&mut text).ok()?;
    let mappings: Vec<Mapping<'_>> = text.split(|byte| *byte == b'\n').filter_map(mapping).collect();
    Some(calls.iter().filter_map(|call| symbol(call, &mappings)).collect())
}

fn symbol(call: &UserCall, mappings: &[Mapping<'_>]) -> Option<Located> {
    let place = call.place;
    if call.status == UserCall::IP {
        let mapping = mappings.iter().find(|mapping| (mapping.start..mapping.end).contains(&place))?;
        let offset = place.checked_sub(mapping.start)?.checked_add(mapping.offset)?;
        let symbol = UserSymbol { address: Some(place), offset, ..UserSymbol::default() };
        return Some(in_files(symbol, vec![mapping.path]));
    }
    // The kernel gives no address with the build id. The file is known if no other file has code at this offset.
    let mut paths: Vec<&[u8]> = Vec::new();
    for mapping in mappings.iter().filter(|mapping| mapping.has(place)) {
        if !paths.contains(&mapping.path) && paths.len() < FILES {
            paths.push(mapping.path);
        }
    }
    let symbol = UserSymbol { build_id: build_id(&call.build_id), offset: place, ..UserSymbol::default() };
    (!paths.is_empty()).then(|| in_files(symbol, paths))
}

fn in_files(symbol: UserSymbol, paths: Vec<&[u8]>) -> Located {
    let files: Vec<ByteString> = paths.into_iter().map(|path| ByteString::from(path.to_vec())).collect();
    let file = if files.len() == 1 { files.first().cloned() } else { None };
    Located { symbol: UserSymbol { file, ..symbol }, files }
}

impl Mapping<'_> {
    fn has(&self, offset: u64) -> bool {
        let bytes = self.end.saturating_sub(self.start);
        offset.checked_sub(self.offset).is_some_and(|within| within < bytes)
    }
}

/// Parses a line such as `7f0e16c00000-7f0e16d00000 r-xp 00028000 fe:00 1311 /usr/lib/libc.so.6`; `None` unless it is a
/// file's code.
/// <https://github.com/torvalds/linux/blob/v6.12/fs/proc/task_mmu.c#L260>
fn mapping(line: &[u8]) -> Option<Mapping<'_>> {
    let path_at = line.iter().position(|byte| *byte == b'/')?;
    let (words, path) = line.split_at_checked(path_at)?;
    let mut words = std::str::from_utf8(words).ok()?.split_ascii_whitespace();
    let hex = |digits: &str| u64::from_str_radix(digits, 16).ok();
    let (start, end) = words.next()?.split_once('-')?;
    let is_code = words.next()?.as_bytes().get(2) == Some(&b'x');
    let offset = hex(words.next()?)?;
    is_code.then_some(Mapping { start: hex(start)?, end: hex(end)?, offset, path })
}

#[cfg(test)]
mod tests {
    use oomtrace_common::event::UserCall;

    use super::{Mapping, locate, mapping, symbol};

    const MAPS: &str = "\
55d0c0000000-55d0c0001000 r--p 00000000 fe:00 1300 /usr/bin/hog
55d0c0001000-55d0c0003000 r-xp 00001000 fe:00 1300 /usr/bin/hog
7f0e16c00000-7f0e16c03000 r-xp 00002000 fe:00 1311 /opt/my app/lib (deleted)
7f0e17c00000-7f0e17c03000 r-xp 00000000 00:00 0
7ffc0a000000-7ffc0a002000 r-xp 00000000 00:00 0 [vdso]";

    fn known() -> Vec<Mapping<'static>> {
        MAPS.lines().filter_map(|line| mapping(line.as_bytes())).collect()
    }

    fn call(status: i32, place: u64) -> UserCall {
        UserCall { status, build_id: [0x9d; 20], place }
    }

    fn file(call: UserCall) -> Option<(Vec<u8>, u64)> {
        let found = symbol(&call, &known())?.symbol;
        Some((found.file?.as_bytes().to_vec(), found.offset))
    }

    #[test]
    fn takes_only_executable_file_mappings() {
        let paths: Vec<&[u8]> = known().iter().map(|mapping| mapping.path).collect();
        assert_eq!(paths, [b"/usr/bin/hog".as_slice(), b"/opt/my app/lib (deleted)"]);
    }

    #[test]
    fn finds_the_file_of_an_address() {
        let hog = (b"/usr/bin/hog".to_vec(), 0x1010);
        assert_eq!(file(call(UserCall::IP, 0x55d0_c000_1010)), Some(hog));
        assert_eq!(file(call(UserCall::IP, 0x55d0_c000_0010)), None, "no code");
    }

    #[test]
    fn finds_the_file_of_an_unambiguous_offset() {
        let offset = |place| file(call(UserCall::VALID, place));
        assert_eq!(offset(0x1010), Some((b"/usr/bin/hog".to_vec(), 0x1010)));
        assert_eq!(offset(0x2010), None, "both have code there");
        assert_eq!(symbol(&call(UserCall::VALID, 0x2010), &known()).unwrap().files.len(), 2);
        assert_eq!(offset(0x4010), Some((b"/opt/my app/lib (deleted)".to_vec(), 0x4010)));
        assert_eq!(offset(0x9010), None);
    }

    #[test]
    fn finds_the_code_of_this_test() {
        let place = u64::try_from((locate as *const ()).expose_provenance()).unwrap();
        let pid = i32::try_from(std::process::id()).unwrap();
        let found = locate(pid, &[call(UserCall::IP, place)]);
        let own = std::env::current_exe().unwrap();
        assert_eq!(found[0].symbol.file, Some(own.to_str().unwrap().into()));
        assert_eq!(locate(i32::MAX, &[call(UserCall::IP, place)]), []);
    }
}
