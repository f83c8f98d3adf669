//! Writes BTF: for the small replacement in [`super::masked`], and for fixtures.

use std::collections::HashMap;

use super::{
    BtfError, Kind,
    header::{HEADER_BYTES, MAGIC},
};

/// BTF under construction. Types are numbered from 1 in the order in which they are added.
#[derive(Default)]
pub struct Writer {
    types: Vec<u8>,
    strings: Vec<u8>,
    names: HashMap<String, u32>,
    count: u32,
}

/// The fields of a record before its members.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The kind.
    pub kind: Kind,
    /// The flag in the top bit. Its meaning depends on the kind.
    pub flag: bool,
    /// The low sixteen bits if they do not count members: a function's linkage.
    pub linkage: u16,
    /// Its name; empty if it has none.
    pub name: &'a str,
    /// Size or type, depending on the kind.
    pub third: u32,
}

impl<'a> Head<'a> {
    /// A record without flag and linkage.
    #[must_use]
    pub fn new(kind: Kind, name: &'a str, third: u32) -> Self {
        Self { kind, flag: false, linkage: 0, name, third }
    }
}

impl Writer {
    /// BTF without types.
    #[must_use]
    pub fn new() -> Self {
        Self { strings: vec![0], ..Self::default() }
    }

    /// The offset of a string. Each string is written only once.
    ///
    /// # Errors
    /// If the strings exceed 4 GiB.
    pub fn name(&mut self, name: &str) -> Result<u32, BtfError> {
        if name.is_empty() {
            return Ok(0);
        }
        if let Some(known) = self.names.get(name) {
            return Ok(*known);
        }
        let offset = fits("the string section", self.strings.len())?;
        self.strings.extend_from_slice(name.as_bytes());
        self.strings.push(0);
        self.names.insert(name.to_owned(), offset);
        Ok(offset)
    }

    /// Adds a type whose tail (members, parameters, enumerators) consists of these words, and returns its id.
    ///
    /// # Errors
    /// If it has more entries than a record can count.
    pub fn add(&mut self, head: Head<'_>, tail: &[u32]) -> Result<u32, BtfError> {
        let Head { kind, flag, linkage, name, third } = head;
        let words_of_one = kind.tail(1).saturating_sub(kind.tail(0)) / 4;
        let entries = tail.len().checked_div(words_of_one).unwrap_or(usize::from(linkage));
        let too_large = |_| BtfError::TooLarge { what: "a type", len: entries };
        let entries = u16::try_from(entries).map_err(too_large)?;
        let info = u32::from(flag) << 31 | u32::from(kind as u8) << 24 | u32::from(entries);
        let name = self.name(name)?;
        for word in [name, info, third].iter().chain(tail) {
            self.types.extend_from_slice(&word.to_le_bytes());
        }
        self.count += 1;
        Ok(self.count)
    }

    /// The finished BTF.
    ///
    /// # Errors
    /// If a section exceeds 4 GiB.
    pub fn finish(self) -> Result<Vec<u8>, BtfError> {
        let types = fits("the type section", self.types.len())?;
        let strings = fits("the string section", self.strings.len())?;
        let start = fits("the header", HEADER_BYTES)?;
        let mut bytes = Vec::with_capacity(HEADER_BYTES + self.types.len() + self.strings.len());
        for word in [MAGIC, start, 0, types, types, strings] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(&self.types);
        bytes.extend_from_slice(&self.strings);
        Ok(bytes)
    }
}

fn fits(what: &'static str, len: usize) -> Result<u32, BtfError> {
    u32::try_from(len).map_err(|_| BtfError::TooLarge { what, len })
}
