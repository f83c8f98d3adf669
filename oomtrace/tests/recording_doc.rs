//! `docs/recording-format.md` matches the code.
#![cfg(test)]

use std::collections::BTreeSet;

use oomtrace::{
    context::Session,
    frame,
    recording::{
        ALIGNMENT, BLOCK_BYTES, FRAME_BYTES_MAX, HEADER_BYTES, MAGIC, Reader, VERSION, append, header,
    },
};
use oomtrace_common::frame::Kind;
use serde_json::json;

const DOC: &str = include_str!("../../docs/recording-format.md");

#[test]
fn the_document_has_the_figures_of_the_code() {
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

/// The rows of the table below this heading: the first two cells without their quotes.
fn table(heading: &str) -> Vec<(String, String)> {
    let section = DOC.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    let plain = |cell: Option<&str>| cell.unwrap().trim().replace('`', "");
    let cells = |row: &str| {
        let mut cells = row.trim_matches('|').split('|');
        (plain(cells.next()), plain(cells.next()))
    };
    rows.map(cells).collect()
}

#[test]
fn the_document_lists_every_kind() {
    let listed = table("The kinds");
    let kinds: Vec<(String, String)> =
        Kind::ALL.iter().map(|kind| (format!("{:#x}", kind.number()), format!("{kind:?}"))).collect();
    assert_eq!(listed, kinds);
}

#[test]
fn the_document_lists_every_key_of_the_session() {
    let least = json!({
        "tool_version": "", "kernel_release": "", "host": "", "wall_offset_ns": 0, "page_size": 4096, "tier": "fentry",
        "facts": { "constraint": { "none": 0, "cpuset": 1, "memory_policy": 2, "memcg": 3 },
                   "gfp_naming": "macros", "gfp_bits": [] },
    });
    let session: Session = serde_json::from_value(least).unwrap();
    let keys: BTreeSet<String> =
        serde_json::to_value(&session).unwrap().as_object().unwrap().keys().cloned().collect();
    let listed = table("The session");
    let listed: BTreeSet<String> =
        listed.iter().flat_map(|(keys, _)| keys.split(", ")).map(str::to_owned).collect();
    assert_eq!(listed, keys);
}

/// Assembles the bytes by hand as the document describes them.
#[test]
fn reads_a_recording_made_from_the_document() {
    let mut bytes = b"OOMTRACE\x01\0\0\0\0\0\0\0".to_vec();
    assert_eq!(bytes, header());
    // Kind 0x103, an event of 5 bytes at 7 ns, outside any pass.
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
