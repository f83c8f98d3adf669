//! The running kernel's types by name, read from its BTF.
//!
//! A walker over the raw bytes of `/sys/kernel/btf/vmlinux`. One pass checks every length, id and name, and records where each
//! type lies. Everything else is read in place. Any input gives an answer, or an error that names the offset. It supports
//! little-endian, 64-bit kernels, which are those that the eBPF object is built for.
//! The format: <https://docs.kernel.org/bpf/btf.html>.

mod bytes;
mod enumerator;
mod error;
mod function;
mod header;
mod index;
mod kind;
mod lookup;
mod mask;
mod meaning;
mod path;
mod record;
mod view;
mod write;

use std::path::Path;

pub use self::{
    bytes::Bytes,
    error::BtfError,
    function::Argument,
    kind::Kind,
    lookup::LookupError,
    mask::masked,
    meaning::Meaning,
    path::Located,
    view::{Enumerator, Member, Parameter, Type},
    write::{Head, Writer},
};
use self::{header::Sections, index::Index, record::Record};

/// The running kernel's BTF file.
pub const RUNNING_KERNEL: &str = "/sys/kernel/btf/vmlinux";

/// BTF that was checked and indexed.
pub struct Btf {
    bytes: Bytes,
    sections: Sections,
    index: Index,
}

impl Btf {
    /// Reads BTF from a file, such as [`RUNNING_KERNEL`].
    ///
    /// # Errors
    /// If the file cannot be read or is not well-formed BTF.
    pub fn read(path: &Path) -> Result<Self, BtfError> {
        Self::parse(Bytes::of_file(path).map_err(|source| BtfError::Read { path: path.to_owned(), source })?)
    }

    /// Checks and indexes BTF.
    ///
    /// # Errors
    /// If it is not well formed. Each error names the byte.
    pub fn parse(bytes: impl Into<Bytes>) -> Result<Self, BtfError> {
        let bytes = bytes.into();
        let sections = Sections::read(&bytes)?;
        let index = Index::build(&bytes, &sections)?;
        Ok(Self { bytes, sections, index })
    }

    /// The number of types. Ids run from 1 to this.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.index.count()
    }

    /// A type by its id.
    ///
    /// # Errors
    /// If there is no such type. Id 0 stands for `void`, which is not a type.
    pub fn type_at(&self, id: u32) -> Result<Type<'_>, BtfError> {
        let missing = BtfError::Id { offset: self.sections.types.start, id, count: self.count() };
        let start = self.index.start(id).ok_or(missing)?;
        let rest = self.bytes.get(start..self.sections.types.end).unwrap_or_default();
        Ok(Type::new(self, id, Record::read(rest, start)?))
    }

    /// All types with this kind and name. Kernels do have several with the same name.
    pub fn find(&self, kind: Kind, name: &str) -> impl Iterator<Item = Type<'_>> {
        self.named(name).filter(move |found| found.kind() == kind)
    }

    /// All types with this name, of any kind.
    fn named(&self, name: &str) -> impl Iterator<Item = Type<'_>> {
        self.index
            .candidates(name)
            .filter_map(|id| self.type_at(id).ok())
            .filter(move |found| found.is_named(name))
    }

    /// Whether the string at an offset of the string section equals this name.
    fn is_name(&self, offset: u32, name: &str) -> bool {
        let strings = self.bytes.get(self.sections.strings.clone()).unwrap_or_default();
        let rest = usize::try_from(offset).ok().and_then(|offset| strings.get(offset..)).unwrap_or_default();
        rest.strip_prefix(name.as_bytes()).and_then(<[u8]>::first) == Some(&0)
    }

    /// The string at an offset of the string section; empty if it is not UTF-8.
    fn name_at(&self, offset: u32) -> &str {
        let strings = self.bytes.get(self.sections.strings.clone()).unwrap_or_default();
        let rest = usize::try_from(offset).ok().and_then(|offset| strings.get(offset..)).unwrap_or_default();
        let name = rest.split(|byte| *byte == 0).next().unwrap_or_default();
        core::str::from_utf8(name).unwrap_or_default()
    }
}
