//! Bytes that are not well-formed BTF give an error that names the place, and never a panic or an endless loop.

use super::fixture::{Sketch, bytes};
use crate::kernel::{
    btf::{Btf, BtfError, Kind, LookupError},
    facts::KernelFacts,
    layout,
};

/// Calls every lookup and ignores the results.
fn ask(bytes: Vec<u8>) {
    if let Ok(btf) = Btf::parse(bytes) {
        let _ = layout::resolve(&btf).map_err(|error| error.to_string());
        let _ = KernelFacts::read(&btf).map_err(|error| error.to_string());
    }
}

#[test]
fn rejects_btf_cut_at_any_length() {
    let whole = bytes("6.12");
    for len in 0..whole.len() {
        let cut = Btf::parse(whole[..len].to_vec());
        assert!(cut.is_err(), "cut at {len}");
    }
}

#[test]
fn survives_a_type_section_cut_anywhere() {
    let whole = bytes("6.12");
    let types = usize::try_from(u32::from_le_bytes(whole[12..16].try_into().unwrap())).unwrap();
    for len in (0..types).step_by(61) {
        let mut cut = whole[..24 + len].to_vec();
        cut.extend(&whole[24 + types..]);
        for at in [12, 16] {
            cut[at..at + 4].copy_from_slice(&u32::try_from(len).unwrap().to_le_bytes());
        }
        ask(cut);
    }
}

#[test]
fn survives_any_wrong_byte() {
    let whole = bytes("6.12");
    for at in (0..whole.len()).step_by(47) {
        for wrong in [0xff, 0x01, 0x80] {
            let mut broken = whole.clone();
            broken[at] ^= wrong;
            ask(broken);
        }
    }
}

#[test]
fn survives_any_wrong_bit_in_a_small_one() {
    let mut sketch = Sketch::new();
    let int = sketch.int("int", 4, true);
    let inner = sketch.group(Kind::Struct, "", 8, &[("tgid", int, 0)]);
    let array = sketch.array(inner, 2);
    sketch.group(Kind::Struct, "task_struct", 32, &[("pid", int, 0), ("", inner, 64), ("flags", array, 128)]);
    sketch.enumeration("oom_constraint", false, &[("CONSTRAINT_NONE", 0)]);
    sketch.tracepoint("mark_victim", &[int]);
    let whole = sketch.bytes();
    for bit in 0..whole.len() * 8 {
        let mut broken = whole.clone();
        broken[bit / 8] ^= 1 << (bit % 8);
        ask(broken);
    }
}

#[test]
fn rejects_data_that_is_not_btf() {
    let error = |bytes: &[u8]| Btf::parse(bytes.to_vec()).err().unwrap();
    assert!(matches!(error(b""), BtfError::Truncated { what: "the header", .. }));
    assert!(matches!(error(b"\x7fELF and some more bytes of it"), BtfError::Magic { .. }));
    assert!(matches!(error(b"\xeb\x9f\x00\x01 big-endian, and so on"), BtfError::Magic { .. }));
}

#[test]
fn reports_the_byte_of_a_dangling_reference() {
    let mut sketch = Sketch::new();
    sketch.int("int", 4, true);
    sketch.wrap(Kind::Ptr, "", 3);
    let error = Btf::parse(sketch.bytes()).err().unwrap();
    assert!(matches!(error, BtfError::Id { offset: 40, id: 3, count: 2 }), "{error}");
}

#[test]
fn reports_the_byte_of_an_unknown_kind() {
    let mut sketch = Sketch::new();
    sketch.int("int", 4, true);
    let mut bytes = sketch.bytes();
    bytes[24 + 7] = 31;
    let error = Btf::parse(bytes).err().unwrap();
    assert!(matches!(error, BtfError::Kind { offset: 24, kind: 31 }), "{error}");
}

#[test]
fn stops_at_a_struct_within_itself() {
    let mut sketch = Sketch::new();
    sketch.group(Kind::Struct, "task_struct", 8, &[("", 1, 0), ("", 1, 0)]);
    let btf = sketch.btf();
    let error = btf.locate("task_struct", "pid").unwrap_err();
    assert!(matches!(error, LookupError::Btf(BtfError::Depth { .. } | BtfError::Work { .. })), "{error}");
}

#[test]
fn stops_at_a_typedef_of_itself() {
    let mut sketch = Sketch::new();
    sketch.wrap(Kind::Typedef, "loop", 1);
    sketch.group(Kind::Struct, "holder", 8, &[("member", 1, 0)]);
    let error = sketch.btf().locate("holder", "member").unwrap_err().to_string();
    assert_eq!(error, "BTF type 1 is nested more than 32 deep");
}

#[test]
fn gives_no_size_for_a_huge_array() {
    let mut sketch = Sketch::new();
    let int = sketch.int("int", 4, true);
    let rows = sketch.array(int, u32::MAX);
    sketch.group(Kind::Struct, "holder", 8, &[("rows", rows, 0)]);
    let btf = sketch.btf();
    let located = btf.locate("holder", "rows").unwrap();
    assert_eq!(located.byte_offset(), Some(0));
    assert!(matches!(btf.size_of_type(rows), Err(BtfError::Unexpected { .. })));
}
