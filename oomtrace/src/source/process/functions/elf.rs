//! Reads names of functions from an executable.
//!
//! The owner of the file controls every byte of it. So each count and each length has a limit, the table of symbols is read in pieces,
//! and none of it is kept. `blazesym` and `object` were not used: they need the whole table in memory, however large it is.

use std::{fs::File, os::unix::fs::FileExt as _};

use zerocopy::FromBytes;

use crate::incident::build_id;

/// The first bytes of a 64-bit little-endian file. Files of 32-bit programs have no names.
const MAGIC: [u8; 6] = [0x7f, b'E', b'L', b'F', 2, 1];
/// Maximum number of segments and of sections.
const MOST_HEADERS: usize = 1024;
/// Maximum size of the notes of one segment.
const NOTE_BYTES: usize = 4 << 10;
/// Symbols of a piece.
const PIECE: usize = 2048;
/// Maximum number of symbols that are read: 96 MiB of them.
const MOST_SYMBOLS: u64 = 4 << 20;
/// Maximum length of a name. A longer one is left out.
const NAME_BYTES: usize = 512;

const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;
const SHT_SYMTAB: u32 = 2;
const SHT_DYNSYM: u32 = 11;
const NT_GNU_BUILD_ID: u32 = 3;
const STT_FUNC: u8 = 2;
const STT_GNU_IFUNC: u8 = 10;
const STB_LOCAL: u8 = 0;
const STB_GLOBAL: u8 = 1;

/// `Elf64_Ehdr`. <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/elf.h#L234>
#[derive(FromBytes)]
#[repr(C)]
struct Header {
    magic: [u8; 6],
    _machine: [u8; 26],
    segments_at: u64,
    sections_at: u64,
    _flags: [u8; 8],
    segments: u16,
    _section_bytes: u16,
    sections: u16,
    _names: u16,
}

/// `Elf64_Phdr`.
#[derive(FromBytes)]
#[repr(C)]
struct Segment {
    kind: u32,
    _flags: u32,
    offset: u64,
    address: u64,
    _physical: u64,
    file_bytes: u64,
    _rest: [u64; 2],
}

/// `Elf64_Shdr`.
#[derive(FromBytes)]
#[repr(C)]
struct Section {
    _name: u32,
    kind: u32,
    _place: [u64; 2],
    offset: u64,
    bytes: u64,
    link: u32,
    _info: u32,
    _align: u64,
    entry_bytes: u64,
}

/// `Elf64_Sym`.
#[derive(FromBytes)]
#[repr(C)]
struct Symbol {
    name: u32,
    info: u8,
    _other: u8,
    section: u16,
    address: u64,
    bytes: u64,
}

/// A place in a file whose function is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    /// Offset in the file.
    pub(super) offset: u64,
    /// Whether this is where a call returns to. The call itself is before it, and may be the last instruction of its function.
    pub(super) is_return: bool,
}

/// The symbol that fits a place best so far.
struct Best {
    start: u64,
    bytes: u64,
    /// Global symbols come before weak ones, and those before local ones: they are the names that a program calls.
    rank: u8,
    name: u32,
}

/// Returns the functions at these places, each `None` if the file has no symbol for it.
/// `None` if the header cannot be read, or if it is another file than that with this build id. If the rest is damaged, no function has
/// a name: another file would not be the right one, and reading on would let a file decide how long it takes.
pub(super) fn functions(file: &File, wanted_build_id: &str, places: &[Place]) -> Option<Vec<Option<String>>> {
    let header: Header = read_one(file, 0)?;
    if header.magic != MAGIC {
        return None;
    }
    let segments: Vec<Segment> = read_all(file, header.segments_at, usize::from(header.segments))?;
    let is_it = segments.iter().any(|segment| has_build_id(file, segment, wanted_build_id) == Some(true));
    if wanted_build_id.is_empty() || !is_it {
        return None;
    }
    let addresses: Vec<Option<u64>> = places.iter().map(|place| address(*place, &segments)).collect();
    Some(named(file, &header, &addresses).unwrap_or_else(|| vec![None; places.len()]))
}

/// Returns the functions at these addresses; `None` if the file has no usable table of symbols.
fn named(file: &File, header: &Header, addresses: &[Option<u64>]) -> Option<Vec<Option<String>>> {
    let sections: Vec<Section> = read_all(file, header.sections_at, usize::from(header.sections))?;
    let of_kind = |kind| sections.iter().find(|section| section.kind == kind);
    let table = of_kind(SHT_SYMTAB).or_else(|| of_kind(SHT_DYNSYM))?;
    let names = sections.get(usize::try_from(table.link).ok()?)?;
    let found = search(file, table, addresses)?;
    Some(found.into_iter().map(|best| name(file, names, best?.name)).collect())
}

/// Returns the address that a place has in the file's own terms.
fn address(place: Place, segments: &[Segment]) -> Option<u64> {
    let offset = place.offset.checked_sub(u64::from(place.is_return))?;
    let within = |segment: &&Segment| {
        segment.kind == PT_LOAD
            && offset.checked_sub(segment.offset).is_some_and(|within| within < segment.file_bytes)
    };
    let segment = segments.iter().find(within)?;
    segment.address.checked_add(offset.checked_sub(segment.offset)?)
}

/// Whether a segment's notes have this build id; `None` if they have none.
/// <https://github.com/torvalds/linux/blob/v6.12/lib/buildid.c#L18>
fn has_build_id(file: &File, segment: &Segment, wanted: &str) -> Option<bool> {
    if segment.kind != PT_NOTE {
        return None;
    }
    let bytes = usize::try_from(segment.file_bytes).ok()?.min(NOTE_BYTES);
    let notes = read(file, segment.offset, bytes)?;
    let mut rest = notes.as_slice();
    loop {
        let ([name_bytes, note_bytes, kind], after) = <[u32; 3]>::read_from_prefix(rest).ok()?;
        let (name, after) = split_padded(after, name_bytes)?;
        let (note, after) = split_padded(after, note_bytes)?;
        if kind == NT_GNU_BUILD_ID && name == b"GNU\0" {
            return Some(build_id(note) == wanted);
        }
        rest = after;
    }
}

/// Splits off so many bytes, and those that align the next to 4.
fn split_padded(bytes: &[u8], length: u32) -> Option<(&[u8], &[u8])> {
    let length = usize::try_from(length).ok()?;
    let (part, _) = bytes.split_at_checked(length)?;
    Some((part, bytes.get(length.checked_next_multiple_of(4)?..).unwrap_or_default()))
}

/// Reads the table of symbols once and finds the function around each address.
fn search(file: &File, table: &Section, addresses: &[Option<u64>]) -> Option<Vec<Option<Best>>> {
    let size = u64::try_from(size_of::<Symbol>()).ok()?;
    if table.entry_bytes != size {
        return None;
    }
    let symbols = (table.bytes / size).min(MOST_SYMBOLS);
    let mut found: Vec<Option<Best>> = addresses.iter().map(|_| None).collect();
    let mut buffer = vec![0; PIECE * size_of::<Symbol>()];
    let mut next = 0;
    while next < symbols {
        let left = usize::try_from(symbols - next).unwrap_or(PIECE).min(PIECE);
        let piece = buffer.get_mut(..left * size_of::<Symbol>())?;
        file.read_exact_at(piece, table.offset.checked_add(next * size)?).ok()?;
        let mut rest: &[u8] = piece;
        while let Ok((symbol, after)) = Symbol::read_from_prefix(rest) {
            let each = found.iter_mut().zip(addresses);
            each.for_each(|(best, address)| improve(best, &symbol, *address));
            rest = after;
        }
        next += u64::try_from(left).ok()?;
    }
    Some(found)
}

/// Takes a symbol if it is a function around the address and fits better than the one before.
fn improve(best: &mut Option<Best>, symbol: &Symbol, address: Option<u64>) {
    let is_function = matches!(symbol.info & 0xf, STT_FUNC | STT_GNU_IFUNC) && symbol.section != 0;
    let from_start = address.and_then(|address| address.checked_sub(symbol.address));
    if !is_function || from_start.is_none_or(|from_start| from_start >= symbol.bytes) {
        return;
    }
    let rank = match symbol.info >> 4 {
        STB_GLOBAL => 0,
        STB_LOCAL => 2,
        _ => 1,
    };
    let new = Best { start: symbol.address, bytes: symbol.bytes, rank, name: symbol.name };
    let order = |it: &Best| (std::cmp::Reverse(it.start), it.bytes, it.rank);
    if best.as_ref().is_none_or(|old| order(&new) < order(old)) {
        *best = Some(new);
    }
}

fn name(file: &File, names: &Section, at: u32) -> Option<String> {
    let left = names.bytes.checked_sub(u64::from(at))?;
    let length = usize::try_from(left).ok()?.min(NAME_BYTES);
    let bytes = read(file, names.offset.checked_add(u64::from(at))?, length)?;
    let end = bytes.iter().position(|byte| *byte == 0).filter(|end| *end > 0)?;
    String::from_utf8(bytes.get(..end)?.to_vec()).ok()
}

/// Reads exactly so many bytes.
fn read(file: &File, offset: u64, bytes: usize) -> Option<Vec<u8>> {
    let mut buffer = vec![0; bytes];
    file.read_exact_at(&mut buffer, offset).ok()?;
    Some(buffer)
}

fn read_one<T: FromBytes>(file: &File, offset: u64) -> Option<T> {
    T::read_from_bytes(&read(file, offset, size_of::<T>())?).ok()
}

/// Reads so many structs, which must not be more than the maximum.
fn read_all<T: FromBytes>(file: &File, offset: u64, count: usize) -> Option<Vec<T>> {
    if count > MOST_HEADERS {
        return None;
    }
    let bytes = read(file, offset, count * size_of::<T>())?;
    Some(bytes.chunks_exact(size_of::<T>()).filter_map(|bytes| T::read_from_bytes(bytes).ok()).collect())
}

const _: () = assert!(size_of::<Header>() == 64 && size_of::<Segment>() == 56);
const _: () = assert!(size_of::<Section>() == 64 && size_of::<Symbol>() == 24);

#[cfg(test)]
mod tests;
