use super::{ReadError, Reader};
use crate::recording::{BLOCK_BYTES, append, header};

/// A frame with this length, in which every byte is different.
fn frame(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at * 7 % 255 + 1).unwrap()).collect()
}

/// Records, where `None` means padding up to the next block.
fn recording(frames: &[Option<usize>]) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut ends) = (header().to_vec(), Vec::new());
    for length in frames {
        match length {
            Some(length) => {
                assert!(append(&frame(*length), &mut bytes));
                // A frame is complete before the zeros after it.
                ends.push(bytes.len() - (8 - length % 8) % 8);
            }
            None => bytes.resize(bytes.len().next_multiple_of(BLOCK_BYTES), 0),
        }
    }
    (bytes, ends)
}

fn read_all(bytes: &[u8]) -> Result<(Vec<Vec<u8>>, bool), ReadError> {
    let mut reader = Reader::new(bytes)?;
    let (mut frames, mut frame) = (Vec::new(), Vec::new());
    while reader.next(&mut frame)? {
        frames.push(std::mem::take(&mut frame));
    }
    Ok((frames, reader.torn()))
}

const FRAMES: [Option<usize>; 6] = [Some(24), Some(33), None, Some(40), None, Some(31)];

#[test]
fn reads_every_complete_frame_of_a_file_cut_anywhere() {
    let (bytes, ends) = recording(&FRAMES);
    let written: Vec<Vec<u8>> = FRAMES.iter().flatten().map(|length| frame(*length)).collect();
    assert_eq!(read_all(&bytes).unwrap(), (written.clone(), false));
    for cut in 16..bytes.len() {
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let (frames, torn) = read_all(&bytes[..cut]).unwrap();
        assert_eq!(frames, written[..whole], "cut at {cut}");
        let rest = &bytes[ends[..whole].last().map_or(16, |end| end.next_multiple_of(8)).min(cut)..cut];
        assert_eq!(torn, rest.iter().any(|byte| *byte != 0), "cut at {cut}");
    }
    assert_eq!(read_all(&[]).unwrap(), (Vec::new(), true));
    for cut in 1..16 {
        assert!(matches!(read_all(&bytes[..cut]), Err(ReadError::NotARecording)));
    }
}

#[test]
fn reports_the_place_of_every_flipped_bit() {
    let (bytes, _) = recording(&FRAMES);
    let written: Vec<Vec<u8>> = FRAMES.iter().flatten().map(|length| frame(*length)).collect();
    for position in 16..bytes.len() {
        for bit in 0..8 {
            let mut broken = bytes.clone();
            broken[position] ^= 1 << bit;
            match read_all(&broken) {
                Err(ReadError::Damaged { offset, .. }) => {
                    let offset = usize::try_from(offset).unwrap();
                    assert!(
                        offset <= position && position < offset + BLOCK_BYTES,
                        "byte {position} bit {bit}: {offset}"
                    );
                }
                Ok((frames, torn)) => {
                    assert!(torn && written.starts_with(&frames), "byte {position} bit {bit}");
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[test]
fn rejects_a_newer_format() {
    let mut bytes = header().to_vec();
    bytes[8] = 2;
    assert!(matches!(read_all(&bytes), Err(ReadError::Newer { found: 2 })));
}

#[test]
fn does_not_write_a_frame_that_is_too_long() {
    let mut bytes = Vec::new();
    assert!(!append(&vec![1; (1 << 20) + 1], &mut bytes));
    assert!(bytes.is_empty());
}
