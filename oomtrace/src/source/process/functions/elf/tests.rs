use std::{fs::File, io::Write as _};

use super::{NAME_BYTES, Place, functions};

const BUILD_ID: &str = "9d3b0007";
/// The segment of code begins at this offset of the file and has this address.
const CODE: (u64, u64) = (0x1000, 0x40_1000);

/// A function: its name, address, size and binding.
type Function<'a> = (&'a [u8], u64, u64, u8);

fn executable(kind: u32, functions: &[Function<'_>]) -> Vec<u8> {
    let mut names = vec![0];
    let mut symbols = Vec::new();
    for (name, address, bytes, binding) in functions {
        symbols.extend(u32::try_from(names.len()).unwrap().to_le_bytes());
        symbols.extend([binding << 4 | 2, 0, 1, 0]);
        symbols.extend([address.to_le_bytes(), bytes.to_le_bytes()].concat());
        names.extend([*name, b"\0"].concat());
    }
    let note = [4_u32.to_le_bytes(), 4_u32.to_le_bytes(), 3_u32.to_le_bytes(), *b"GNU\0", [0x9d, 0x3b, 0, 7]];
    let (segments_at, note_at) = (64_u64, 64 + 2 * 56);
    let symbols_at = note_at + 20;
    let names_at = symbols_at + symbols.len() as u64;
    let sections_at = names_at + names.len() as u64;
    let words = |words: &[u64]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let mut file = [b"\x7fELF\x02\x01".as_slice(), &[0; 26]].concat();
    file.extend(words(&[segments_at, sections_at, 0]));
    // Two segments and three sections.
    file.extend([2_u16, 64, 3, 0].iter().flat_map(|half| half.to_le_bytes()));
    file.extend(words(&[1, CODE.0, CODE.1, 0, 0x2000, 0, 0]));
    file.extend(words(&[4, note_at, 0, 0, 20, 0, 0]));
    file.extend(note.concat());
    file.extend([symbols.as_slice(), &names].concat());
    file.extend([0; 64]);
    file.extend(words(&[u64::from(kind) << 32, 0, 0, symbols_at, symbols.len() as u64, 2, 0, 24]));
    file.extend(words(&[3 << 32, 0, 0, names_at, names.len() as u64, 0, 0, 0]));
    file
}

fn written(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn found(bytes: &[u8], places: &[Place]) -> Option<Vec<Option<String>>> {
    functions(&written(bytes), BUILD_ID, places)
}

fn at(address: u64, is_return: bool) -> Place {
    Place { offset: address - CODE.1 + CODE.0, is_return }
}

const KNOWN: [Function<'static>; 5] = [
    (b"whole", 0x40_1100, 0x100, 1),
    (b"alias", 0x40_1300, 0x10, 2),
    (b"own", 0x40_1300, 0x10, 0),
    (b"called", 0x40_1300, 0x10, 1),
    (b"unsized", 0x40_1400, 0, 1),
];

#[test]
fn finds_the_function_around_a_place() {
    let places = [at(0x40_1100, false), at(0x40_1200, true), at(0x40_1200, false), at(0x40_1400, false)];
    let whole = Some("whole".to_owned());
    for kind in [2, 11] {
        assert_eq!(
            found(&executable(kind, &KNOWN), &places),
            Some(vec![whole.clone(), whole.clone(), None, None])
        );
    }
}

#[test]
fn takes_the_name_that_programs_call() {
    assert_eq!(found(&executable(2, &KNOWN), &[at(0x40_1308, false)]), Some(vec![Some("called".to_owned())]));
    let inner = [KNOWN.as_slice(), &[(b"inner".as_slice(), 0x40_1180, 8, 0)]].concat();
    let places = [at(0x40_1182, false), at(0x40_1188, false)];
    let names = found(&executable(2, &inner), &places).unwrap();
    assert_eq!(names, [Some("inner".to_owned()), Some("whole".to_owned())]);
}

#[test]
fn refuses_a_file_with_another_build_id() {
    let file = written(&executable(2, &KNOWN));
    for build_id in ["", "9d3b", "9d3b000700"] {
        assert_eq!(functions(&file, build_id, &[at(0x40_1100, false)]), None);
    }
}

#[test]
fn leaves_out_names_that_are_no_text_or_too_long() {
    let long = vec![b'x'; NAME_BYTES];
    let named = |name: &[u8]| found(&executable(2, &[(name, 0x40_1100, 4, 1)]), &[at(0x40_1100, false)]);
    assert_eq!(named(&long), Some(vec![None]));
    assert_eq!(named(long.get(1..).unwrap()).unwrap()[0].as_ref().map(String::len), Some(NAME_BYTES - 1));
    assert_eq!(named(b"\xff\xfe"), Some(vec![None]));
    assert_eq!(named(b""), Some(vec![None]));
}

#[test]
fn survives_every_changed_byte_and_every_cut() {
    let whole = executable(2, &KNOWN);
    let places = [at(0x40_1100, false), at(0x40_1308, true), Place { offset: u64::MAX, is_return: false }];
    for index in 0..whole.len() {
        for value in [0, 0x7f, 0xff] {
            let mut changed = whole.clone();
            changed[index] = value;
            let names = found(&changed, &places);
            assert!(names.is_none_or(|names| names.len() == places.len()));
        }
        found(&whole[..index], &places);
    }
}

#[test]
fn finds_a_function_of_this_test() {
    let own = std::fs::read("/proc/self/exe").unwrap();
    let place = u64::try_from((finds_a_function_of_this_test as *const ()).expose_provenance()).unwrap();
    let call = oomtrace_common::event::UserCall { status: 2, build_id: [0; 20], place };
    let pid = i32::try_from(std::process::id()).unwrap();
    let offset = super::super::super::mappings::locate(pid, &[call])[0].symbol.offset;
    // The linker may be told to write no build id.
    let mark = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0";
    let Some(note) = own.windows(mark.len()).position(|bytes| bytes == mark) else { return };
    let build_id = crate::incident::build_id(&own[note + mark.len()..][..20]);
    let places = [Place { offset, is_return: false }];
    let names = functions(&File::open("/proc/self/exe").unwrap(), &build_id, &places).unwrap();
    assert!(names[0].as_ref().unwrap().contains("finds_a_function_of_this_test"), "{names:?}");
}
