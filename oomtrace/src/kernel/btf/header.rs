//! The header: the positions of the types and the strings.
//! <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/btf.h#L11>

use core::ops::Range;

use super::BtfError;

/// Bytes of the header in version 1. A longer header is accepted, because its additional fields are optional.
pub(super) const HEADER_BYTES: usize = 24;
/// Magic 0xeb9f, version 1, flags 0, read as one little-endian word.
pub(super) const MAGIC: u32 = 0x0001_eb9f;

/// The two sections, as ranges of the whole data.
pub(super) struct Sections {
    pub(super) types: Range<usize>,
    pub(super) strings: Range<usize>,
}

impl Sections {
    /// Reads and checks the header: the magic, and that both sections lie within the data.
    pub(super) fn read(data: &[u8]) -> Result<Self, BtfError> {
        let magic = word(data, 0)?;
        if magic != MAGIC {
            return Err(BtfError::Magic { found: magic });
        }
        let start = size(data, 4)?;
        if start < HEADER_BYTES {
            return Err(BtfError::Truncated {
                what: "the header",
                offset: 0,
                needed: HEADER_BYTES,
                end: start,
            });
        }
        let types = section(data, "the type section", start, 8)?;
        let strings = section(data, "the string section", start, 16)?;
        let bytes = data.get(strings.clone()).unwrap_or_default();
        if bytes.first() != Some(&0) || bytes.last() != Some(&0) {
            return Err(BtfError::Strings { offset: strings.start });
        }
        Ok(Self { types, strings })
    }
}

/// The section whose offset (from the end of the header) and length are at byte `at` of the header.
fn section(data: &[u8], what: &'static str, start: usize, at: usize) -> Result<Range<usize>, BtfError> {
    let offset = start.saturating_add(size(data, at)?);
    let needed = size(data, at.saturating_add(4))?;
    let end = offset.saturating_add(needed);
    if end > data.len() {
        return Err(BtfError::Truncated { what, offset, needed, end: data.len() });
    }
    Ok(offset..end)
}

fn size(data: &[u8], at: usize) -> Result<usize, BtfError> {
    Ok(usize::try_from(word(data, at)?).unwrap_or(usize::MAX))
}

fn word(data: &[u8], at: usize) -> Result<u32, BtfError> {
    data.get(at..)
        .and_then(|rest| rest.first_chunk::<4>())
        .map(|bytes| u32::from_le_bytes(*bytes))
        .ok_or(BtfError::Truncated { what: "the header", offset: 0, needed: HEADER_BYTES, end: data.len() })
}
