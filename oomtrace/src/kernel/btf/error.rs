//! The errors of BTF data, each with the byte where it was found.

use std::path::PathBuf;

/// BTF that could not be read or is not well formed. Offsets count from the first byte of the BTF.
#[derive(Debug, thiserror::Error)]
pub enum BtfError {
    /// The file could not be read.
    #[error("cannot read the kernel's type information from {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// There are fewer bytes than a record says it has.
    #[error("BTF ends at byte {end}, but {what} at byte {offset} needs {needed} bytes")]
    Truncated {
        /// The part that was being read.
        what: &'static str,
        /// Where it begins.
        offset: usize,
        /// Its size.
        needed: usize,
        /// Where the data or the section ends.
        end: usize,
    },
    /// The first bytes are not those of BTF.
    #[error("not BTF: the first four bytes are {found:#010x}, not magic 0xeb9f and version 1, little-endian")]
    Magic {
        /// Magic, version and flags as found.
        found: u32,
    },
    /// The string section does not begin and end with NUL.
    #[error("the BTF string section at byte {offset} does not begin and end with NUL")]
    Strings {
        /// Where the section begins.
        offset: usize,
    },
    /// A kind that this walker does not know, so its size is not known either.
    #[error("unknown BTF kind {kind} at byte {offset}")]
    Kind {
        /// Where the record begins.
        offset: usize,
        /// The number found.
        kind: u32,
    },
    /// A reference to a type that does not exist.
    #[error("BTF at byte {offset} refers to type {id}, but there are {count}")]
    Id {
        /// Where the record that refers to it begins.
        offset: usize,
        /// The id found.
        id: u32,
        /// Types in this BTF.
        count: u32,
    },
    /// A reference to a name outside the string section.
    #[error("BTF at byte {offset} has its name at {name} of a string section of {len} bytes")]
    Name {
        /// Where the record that refers to it begins.
        offset: usize,
        /// Offset of the name within the string section.
        name: u32,
        /// Size of the string section.
        len: usize,
    },
    /// Types nested deeper than any compiler writes, or in a cycle.
    #[error("BTF type {id} is nested more than {limit} deep")]
    Depth {
        /// The type where the walk began.
        id: u32,
        /// The limit.
        limit: u32,
    },
    /// A lookup that would visit more members than any kernel has.
    #[error("looking for a member of BTF type {id} took more than {limit} steps")]
    Work {
        /// The type where the walk began.
        id: u32,
        /// The limit.
        limit: u32,
    },
    /// A record of an unexpected kind.
    #[error("BTF type {id} is a {found}, where {expected} is called for")]
    Unexpected {
        /// The type.
        id: u32,
        /// The kind found.
        found: &'static str,
        /// The kind expected.
        expected: &'static str,
    },
    /// More data than the format can hold.
    #[error("{what} of {len} entries or bytes is more than BTF can hold")]
    TooLarge {
        /// The part that was to be written.
        what: &'static str,
        /// Its size.
        len: usize,
    },
}
