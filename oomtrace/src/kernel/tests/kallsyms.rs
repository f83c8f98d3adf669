//! Finds one symbol by its exact name.

use std::io::{self, BufRead, BufReader, Read};

use crate::kernel::kallsyms::find;

const NAME: &str = "__per_cpu_offset";

fn address(text: &str) -> Option<u64> {
    find(text.as_bytes(), NAME).unwrap()
}

#[test]
fn matches_only_the_exact_name() {
    let text = "ffffffff81000000 T __pfx___per_cpu_offset\n\
                ffffffff81000010 T __per_cpu_offset_init\n\
                ffffffff82a0d2c0 D __per_cpu_offset\n\
                ffffffff82a0d2c8 D after\n";
    assert_eq!(address(text), Some(0xffff_ffff_82a0_d2c0));
}

#[test]
fn accepts_zero_addresses_at_the_start() {
    let text = "0000000000000000 A fixed_percpu_data\n\
                0000000000000000 A __per_cpu_start\n\
                ffffffff82a0d2c0 D __per_cpu_offset\n";
    assert_eq!(address(text), Some(0xffff_ffff_82a0_d2c0));
}

#[test]
fn ignores_hidden_absent_and_module_symbols() {
    assert_eq!(address("0000000000000000 D __per_cpu_offset\n"), None);
    assert_eq!(address("ffffffff81000000 T _text\n"), None);
    assert_eq!(address(""), None);
    assert_eq!(address("ffffffffc0000000 d __per_cpu_offset\t[evil]\n"), None);
    assert_eq!(address("not hex D __per_cpu_offset\n"), None);
}

/// An endless list of symbols that counts the reads.
struct Endless<'a>(&'static [u8], &'a mut usize);

impl Read for Endless<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        *self.1 += 1;
        assert!(*self.1 < 100, "read on although nothing more can come");
        self.0.take(u64::try_from(to.len()).unwrap()).read(to)
    }
}

#[test]
fn stops_if_addresses_are_hidden() {
    let mut reads = 0;
    let endless = BufReader::new(Endless(b"0000000000000000 T some_function\n", &mut reads));
    assert_eq!(find(endless, NAME).unwrap(), None);
}

#[test]
fn reads_nothing_after_the_symbol() {
    let mut text = &b"ffffffff82a0d2c0 D __per_cpu_offset\nffffffff82a0d2c8 D after\n"[..];
    assert_eq!(find(&mut text, NAME).unwrap(), Some(0xffff_ffff_82a0_d2c0));
    assert_eq!(text.fill_buf().unwrap(), b"ffffffff82a0d2c8 D after\n");
}
