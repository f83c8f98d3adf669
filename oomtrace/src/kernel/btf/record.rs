//! One record of the type section: twelve bytes, then a tail whose size follows from them.

use super::{BtfError, Kind};

/// The bytes that every record begins with: name, info, size or type.
pub(super) const HEAD_BYTES: usize = 12;

/// One record. Its lengths are checked, its references are not.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) kind: Kind,
    /// Offset of the name in the string section; 0 for none.
    pub(super) name: u32,
    /// The flag in the top bit: bit-field encoding of members, signedness of enumerators, or whether a forward declaration is a
    /// union.
    pub(super) flag: bool,
    /// Size in bytes, or a type, or nothing, depending on the kind.
    pub(super) third: u32,
    pub(super) tail: &'a [u8],
}

impl<'a> Record<'a> {
    /// The record at the start of `rest`, which lies at byte `offset` of the BTF.
    pub(super) fn read(rest: &'a [u8], offset: usize) -> Result<Self, BtfError> {
        let short = |what, needed| BtfError::Truncated { what, offset, needed, end: offset + rest.len() };
        let (head, rest_of_it) =
            rest.split_first_chunk::<HEAD_BYTES>().ok_or_else(|| short("a type", HEAD_BYTES))?;
        let [name, info, third] = words(head);
        let number = (info >> 24) & 0x1f;
        let kind = Kind::from_number(number).ok_or(BtfError::Kind { offset, kind: number })?;
        let [low, high, ..] = info.to_le_bytes();
        let needed = kind.tail(usize::from(u16::from_le_bytes([low, high])));
        let tail = rest_of_it.get(..needed).ok_or_else(|| short("a type's members", HEAD_BYTES + needed))?;
        Ok(Self { kind, name, flag: info >> 31 == 1, third, tail })
    }

    /// Bytes of the whole record.
    pub(super) fn len(&self) -> usize {
        HEAD_BYTES + self.tail.len()
    }

    /// The highest type id and the highest name offset that the record refers to.
    pub(super) fn references(&self) -> (u32, u32) {
        let id = if self.kind.refers() { self.third } else { 0 };
        match self.kind {
            Kind::Struct | Kind::Union => self.tail.as_chunks::<12>().0.iter().fold((id, self.name), named),
            Kind::FuncProto => self.tail.as_chunks::<8>().0.iter().fold((id, self.name), named),
            Kind::Enum => (id, self.tail.as_chunks::<8>().0.iter().fold(self.name, first)),
            Kind::Enum64 => (id, self.tail.as_chunks::<12>().0.iter().fold(self.name, first)),
            Kind::DataSec => (self.tail.as_chunks::<12>().0.iter().fold(id, first), self.name),
            Kind::Array => {
                let element = self.tail.first_chunk::<8>().map_or([0, 0], pair);
                (element.into_iter().fold(id, u32::max), self.name)
            }
            Kind::Int | Kind::Ptr | Kind::Fwd | Kind::Typedef | Kind::Volatile | Kind::Const => {
                (id, self.name)
            }
            Kind::Restrict | Kind::Func | Kind::Var | Kind::Float => (id, self.name),
            Kind::DeclTag | Kind::TypeTag => (id, self.name),
        }
    }
}

/// The highest references after an entry that begins with a name and a type.
fn named<const N: usize>((id, name): (u32, u32), entry: &[u8; N]) -> (u32, u32) {
    let [entry_name, entry_id] = entry.first_chunk::<8>().map_or([0, 0], pair);
    (id.max(entry_id), name.max(entry_name))
}

/// The highest reference after an entry that begins with only a name or only a type.
fn first<const N: usize>(highest: u32, entry: &[u8; N]) -> u32 {
    highest.max(entry.first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes)))
}

/// Two little-endian words.
pub(super) fn pair(bytes: &[u8; 8]) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = *bytes;
    [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])]
}

/// Three little-endian words.
pub(super) fn words(bytes: &[u8; 12]) -> [u32; 3] {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = *bytes;
    [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]), u32::from_le_bytes([i, j, k, l])]
}
