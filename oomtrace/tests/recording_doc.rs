//! `docs/recording-format.md` says what the code does.

use oomtrace::{
    frame,
    recording::{
        ALIGNMENT, BLOCK_BYTES, FRAME_BYTES_MAX, HEADER_BYTES, MAGIC, Reader, VERSION, append, header,
    },
};

const DOC: &str = include_str!("../../docs/recording-format.md");

#[test]
fn the_figures_are_those_of_the_code() {
    let magic = std::str::from_utf8(&MAGIC).unwrap();
    let told = [
        format!("0   8  \"{magic}\""),
        format!("version of the format: {VERSION}\n"),
        format!("\n{HEADER_BYTES}     records, each at a multiple of {ALIGNMENT}:"),
        format!("at least {}, at most {FRAME_BYTES_MAX}", frame::HEADER_BYTES),
        format!("the next multiple of {BLOCK_BYTES}\n"),
        format!("\n{}     the event\n", frame::HEADER_BYTES),
    ];
    for figure in told {
        assert!(DOC.contains(&figure), "{figure}");
    }
}

/// The bytes of the document, put together by hand.
#[test]
fn a_recording_made_by_the_document_is_read() {
    let mut bytes = b"OOMTRACE\x01\0\0\0\0\0\0\0".to_vec();
    assert_eq!(bytes, header());
    // Kind 0x103, an event of 5 bytes, made at 7 ns, of no pass.
    let event = b"\x03\x01\0\0\x05\0\0\0\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0{   }";
    let length = u32::try_from(event.len()).unwrap().to_le_bytes();
    bytes.extend(length);
    bytes.extend(crc32c::crc32c(&[&length[..], event].concat()).to_le_bytes());
    bytes.extend(event);
    bytes.extend([0; 3]);
    let mut written = header().to_vec();
    assert!(append(event, &mut written));
    assert_eq!(bytes, written);
    bytes.resize(4096, 0);
    let mut reader = Reader::new(&bytes[..]).unwrap();
    let mut frame = Vec::new();
    assert!(reader.next(&mut frame).unwrap());
    assert_eq!(frame, event);
    assert!(!reader.next(&mut frame).unwrap() && !reader.torn());
}
