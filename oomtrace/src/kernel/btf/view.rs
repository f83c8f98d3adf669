//! A type: its name, its members, its parameters, its enumerators.

use super::{
    Btf, BtfError, Kind,
    record::{Record, pair, words},
};

/// One type of a [`Btf`].
#[derive(Clone, Copy)]
pub struct Type<'a> {
    btf: &'a Btf,
    id: u32,
    record: Record<'a>,
}

/// A member of a struct or union.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name; empty for an unnamed struct or union.
    pub name: &'a str,
    /// Type id.
    pub of: u32,
    /// Distance from the start of the struct, in bits.
    pub bit_offset: u32,
    /// Its width in bits, if it is a bit field.
    pub bit_field: Option<u32>,
}

/// A parameter of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// Its name; empty if BTF has none, as in every prototype that is reached through a typedef.
    pub name: &'a str,
    /// Type id.
    pub of: u32,
}

/// A name for a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enumerator<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its value, sign-extended or zero-extended, depending on the enum.
    pub value: i128,
}

impl<'a> Type<'a> {
    pub(super) fn new(btf: &'a Btf, id: u32, record: Record<'a>) -> Self {
        Self { btf, id, record }
    }

    /// Its number in this BTF, from 1.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.record.kind
    }

    /// Its name; empty if it has none. A name that is not UTF-8 also reads as empty, because C has no such names.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.btf.name_at(self.record.name)
    }

    /// Whether it has this name.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.btf.is_name(self.record.name, name)
    }

    /// The type it refers to: a pointer's target, a typedef's meaning, a function's prototype or result.
    #[must_use]
    pub fn refers_to(&self) -> Option<u32> {
        self.record.kind.refers().then_some(self.record.third)
    }

    /// Size in bytes of an integer, float, enum, struct or union.
    #[must_use]
    pub fn size(&self) -> Option<u32> {
        matches!(
            self.record.kind,
            Kind::Int | Kind::Float | Kind::Enum | Kind::Enum64 | Kind::Struct | Kind::Union
        )
        .then_some(self.record.third)
    }

    /// Whether an integer or an enum is signed.
    #[must_use]
    pub fn signed(&self) -> bool {
        if self.record.kind == Kind::Int {
            return (self.int_encoding() >> 24) & 1 == 1;
        }
        matches!(self.record.kind, Kind::Enum | Kind::Enum64) && self.record.flag
    }

    /// Encoding, bit offset and bits of an integer.
    fn int_encoding(&self) -> u32 {
        self.record.tail.first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }

    /// Element type and number of elements of an array.
    #[must_use]
    pub fn array(&self) -> Option<(u32, u32)> {
        if self.record.kind != Kind::Array {
            return None;
        }
        self.record.tail.first_chunk::<12>().map(|tail| {
            let [element, _index, count] = words(tail);
            (element, count)
        })
    }

    /// Members of a struct or union in order; empty for any other type.
    pub fn members(&self) -> impl Iterator<Item = Member<'a>> + use<'a> {
        let btf = self.btf;
        self.unread_members().map(move |(name, member)| Member { name: btf.name_at(name), ..member })
    }

    /// Like [`Self::members`], but without reading the names, because most are not the one that is searched for.
    pub(super) fn unread_members(&self) -> impl Iterator<Item = (u32, Member<'a>)> + use<'a> {
        let record = self.record;
        let is_struct = matches!(record.kind, Kind::Struct | Kind::Union);
        let tail = if is_struct { record.tail } else { &[] };
        tail.as_chunks::<12>().0.iter().map(move |entry| {
            let [name, of, offset] = words(entry);
            let (bit_offset, width) =
                if record.flag { (offset & 0xff_ffff, offset >> 24) } else { (offset, 0) };
            (name, Member { name: "", of, bit_offset, bit_field: (width != 0).then_some(width) })
        })
    }

    /// Parameters of a function prototype in order; empty for any other type.
    pub fn parameters(&self) -> impl ExactSizeIterator<Item = Parameter<'a>> + use<'a> {
        let Self { btf, record, .. } = *self;
        let tail = if record.kind == Kind::FuncProto { record.tail } else { &[] };
        tail.as_chunks::<8>().0.iter().map(move |entry| {
            let [name, of] = pair(entry);
            Parameter { name: btf.name_at(name), of }
        })
    }

    /// Enumerators of an enum in order; empty for any other type.
    pub fn enumerators(&self) -> impl Iterator<Item = Enumerator<'a>> + use<'a> {
        let btf = self.btf;
        self.unread_enumerators().map(move |(name, value)| Enumerator { name: btf.name_at(name), value })
    }

    /// Like [`Self::enumerators`], but without reading the names.
    pub(super) fn unread_enumerators(&self) -> impl Iterator<Item = (u32, i128)> + use<'a> {
        let record = self.record;
        let of = |kind| if record.kind == kind { record.tail } else { &[] };
        let (narrow, wide) = (of(Kind::Enum), of(Kind::Enum64));
        let narrow = narrow.as_chunks::<8>().0.iter().map(move |entry| {
            let [name, value] = pair(entry);
            (name, if record.flag { i128::from(value.cast_signed()) } else { i128::from(value) })
        });
        let wide = wide.as_chunks::<12>().0.iter().map(move |entry| {
            let [name, low, high] = words(entry);
            let value = u64::from(high) << 32 | u64::from(low);
            (name, if record.flag { i128::from(value.cast_signed()) } else { i128::from(value) })
        });
        narrow.chain(wide)
    }

    /// The error for a type other than the expected one.
    pub(super) fn unexpected(&self, expected: &'static str) -> BtfError {
        BtfError::Unexpected { id: self.id, found: self.kind().name(), expected }
    }
}
