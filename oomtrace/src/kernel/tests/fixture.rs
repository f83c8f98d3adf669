//! Fixtures, and BTF that is built for one test.

use std::{fs, path::PathBuf};

use crate::kernel::btf::{Btf, Head, Kind, Writer};

/// The kernels of `tests/btf`.
pub(super) const KERNELS: [&str; 7] = ["5.10", "6.1", "6.12", "6.18", "6.18-nokprobe", "7.2", "7.3"];

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/btf")
}

pub(super) fn bytes(kernel: &str) -> Vec<u8> {
    fs::read(directory().join(format!("{kernel}.btf"))).unwrap()
}

pub(super) fn btf(kernel: &str) -> Btf {
    Btf::parse(bytes(kernel)).unwrap()
}

/// The value of every slot on a kernel, from `tests/btf/expected.tsv`.
pub(super) fn expected(kernel: &str) -> Vec<(String, Option<u32>)> {
    let table = fs::read_to_string(directory().join("expected.tsv")).unwrap();
    let mut lines = table.lines();
    let column = lines.next().unwrap().split('\t').position(|name| name == kernel).unwrap();
    let value = |text: &str| (text != "-").then(|| text.parse().unwrap());
    lines
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .map(|row| (row[0].to_owned(), value(row[column])))
        .collect()
}

/// A fixture in which one name is replaced by another that is not longer.
pub(super) fn renamed(kernel: &str, from: &str, to: &str) -> Btf {
    renamed_all(kernel, &[(from, to)])
}

/// A fixture in which several names are replaced, one after the other.
pub(super) fn renamed_all(kernel: &str, names: &[(&str, &str)]) -> Btf {
    let mut bytes = bytes(kernel);
    for (from, to) in names {
        let terminated = format!("\0{from}\0");
        let at =
            bytes.windows(terminated.len()).position(|window| window == terminated.as_bytes()).unwrap() + 1;
        bytes[at..at + from.len()].fill(0);
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    Btf::parse(bytes).unwrap()
}

/// A fixture with a second struct of the same name, whose one member has the name and type of a member of the first.
pub(super) fn with_twin(kernel: &str, name: &str, member: &str, bit_offset: u32) -> Btf {
    let bytes = bytes(kernel);
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let (types, strings) = (word(12), word(20));
    let original = Btf::parse(bytes.clone()).unwrap();
    let of = original
        .find(Kind::Struct, name)
        .find_map(|found| found.members().find(|entry| entry.name == member))
        .unwrap()
        .of;
    let split = 24 + usize::try_from(types).unwrap();
    let mut twin = bytes[..split].to_vec();
    for word in [strings, 4 << 24 | 1, 4096, strings + u32::try_from(name.len()).unwrap() + 1, of, bit_offset]
    {
        twin.extend(word.to_le_bytes());
    }
    twin.extend(&bytes[split..]);
    twin.extend(format!("{name}\0{member}\0").bytes());
    let lengths = [types + 24, types + 24, u32::try_from(twin.len()).unwrap() - 24 - types - 24];
    for (at, length) in [12, 16, 20].into_iter().zip(lengths) {
        twin[at..at + 4].copy_from_slice(&length.to_le_bytes());
    }
    Btf::parse(twin).unwrap()
}

/// BTF under construction, with short functions for common types.
pub(super) struct Sketch(Writer);

impl Sketch {
    pub(super) fn new() -> Self {
        Self(Writer::new())
    }

    pub(super) fn int(&mut self, name: &str, size: u32, signed: bool) -> u32 {
        let encoding = (u32::from(signed) << 24) | (size * 8);
        self.0.add(Head::new(Kind::Int, name, size), &[encoding]).unwrap()
    }

    pub(super) fn wrap(&mut self, kind: Kind, name: &str, of: u32) -> u32 {
        self.0.add(Head::new(kind, name, of), &[]).unwrap()
    }

    pub(super) fn array(&mut self, of: u32, count: u32) -> u32 {
        self.0.add(Head::new(Kind::Array, "", 0), &[of, of, count]).unwrap()
    }

    /// Members by name, type and offset in bits.
    pub(super) fn group(&mut self, kind: Kind, name: &str, size: u32, members: &[(&str, u32, u32)]) -> u32 {
        let tail = self.members(members);
        self.0.add(Head::new(kind, name, size), &tail).unwrap()
    }

    /// A struct whose offsets have the width of bit fields in their top byte.
    pub(super) fn bit_fields(&mut self, name: &str, members: &[(&str, u32, u32)]) -> u32 {
        let tail = self.members(members);
        self.0.add(Head { flag: true, ..Head::new(Kind::Struct, name, 8) }, &tail).unwrap()
    }

    pub(super) fn enumeration(&mut self, name: &str, signed: bool, entries: &[(&str, u32)]) -> u32 {
        let tail: Vec<u32> =
            entries.iter().flat_map(|(name, value)| [self.0.name(name).unwrap(), *value]).collect();
        self.0.add(Head { flag: signed, ..Head::new(Kind::Enum, name, 4) }, &tail).unwrap()
    }

    pub(super) fn enumeration64(&mut self, name: &str, entry: &str, value: u64) -> u32 {
        let halves = [value & 0xffff_ffff, value >> 32].map(|half| u32::try_from(half).unwrap());
        let tail = [self.0.name(entry).unwrap(), halves[0], halves[1]];
        self.0.add(Head::new(Kind::Enum64, name, 8), &tail).unwrap()
    }

    /// Parameters by name and type.
    pub(super) fn prototype(&mut self, parameters: &[(&str, u32)]) -> u32 {
        let tail: Vec<u32> =
            parameters.iter().flat_map(|(name, of)| [self.0.name(name).unwrap(), *of]).collect();
        self.0.add(Head::new(Kind::FuncProto, "", 0), &tail).unwrap()
    }

    pub(super) fn function(&mut self, name: &str, parameters: &[(&str, u32)]) -> u32 {
        let prototype = self.prototype(parameters);
        self.wrap(Kind::Func, name, prototype)
    }

    pub(super) fn tracepoint(&mut self, event: &str, arguments: &[u32]) -> u32 {
        let data = self.wrap(Kind::Ptr, "", 0);
        let all: Vec<_> = [data].iter().chain(arguments).map(|of| ("", *of)).collect();
        let prototype = self.prototype(&all);
        let pointer = self.wrap(Kind::Ptr, "", prototype);
        self.wrap(Kind::Typedef, &format!("btf_trace_{event}"), pointer)
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        self.0.finish().unwrap()
    }

    pub(super) fn btf(self) -> Btf {
        Btf::parse(self.bytes()).unwrap()
    }

    fn members(&mut self, members: &[(&str, u32, u32)]) -> Vec<u32> {
        members.iter().flat_map(|(name, of, at)| [self.0.name(name).unwrap(), *of, *at]).collect()
    }
}
