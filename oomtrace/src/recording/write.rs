//! Encodes a recording as bytes.

use super::{ALIGNMENT, FRAME_BYTES_MAX, HEADER_BYTES, MAGIC, RECORD_HEAD_BYTES, VERSION};

/// The bytes before the first record.
#[must_use]
pub fn header() -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let (magic, rest) = header.split_at_mut(MAGIC.len());
    magic.copy_from_slice(&MAGIC);
    if let Some(version) = rest.first_chunk_mut() {
        *version = VERSION.to_le_bytes();
    }
    header
}

/// Appends a frame's record to bytes that end at a multiple of [`ALIGNMENT`]. Returns false and appends nothing if the frame is
/// longer than [`FRAME_BYTES_MAX`].
#[must_use]
pub fn append(frame: &[u8], records: &mut Vec<u8>) -> bool {
    let Some(length) = u32::try_from(frame.len()).ok().filter(|length| *length <= FRAME_BYTES_MAX) else {
        return false;
    };
    let length = length.to_le_bytes();
    records.extend_from_slice(&length);
    records.extend_from_slice(&checksum(length, frame).to_le_bytes());
    records.extend_from_slice(frame);
    records.resize(records.len().next_multiple_of(ALIGNMENT), 0);
    true
}

/// The frames in records that [`append`] created. Ends at the first position that is not a record.
pub(super) fn records(mut records: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = u32::from_le_bytes(*records.first_chunk()?);
        let length = usize::try_from(length).ok()?;
        let frame = records.get(RECORD_HEAD_BYTES..RECORD_HEAD_BYTES.checked_add(length)?)?;
        records = records.get((RECORD_HEAD_BYTES + length).next_multiple_of(ALIGNMENT)..).unwrap_or_default();
        Some(frame)
    })
}

/// The checksum covers the length too, so that a record with a changed length is not taken for a shorter one.
pub(super) fn checksum(length: [u8; 4], frame: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length), frame)
}
