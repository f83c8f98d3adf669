//! The type below typedefs and qualifiers.

use core::fmt;

use super::{Btf, BtfError, Kind, Type};

/// The maximum number of nested typedefs and qualifiers.
const WRAPPINGS: u32 = 32;

/// A type without its typedefs, `const`, `volatile`, `restrict` and type tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning<'a> {
    /// `void`.
    Void,
    /// An integer, including `bool` and `char`.
    Int {
        /// Size in bytes.
        size: u32,
        /// Whether it can be negative.
        signed: bool,
    },
    /// An enum.
    Enum {
        /// Size in bytes.
        size: u32,
        /// Its name; empty if it has none.
        name: &'a str,
    },
    /// A pointer.
    Pointer {
        /// Name of the struct, union, enum or integer that it points to; empty for `void`, functions and unnamed types.
        to: &'a str,
    },
    /// An array.
    Array {
        /// Number of elements; 0 for a flexible array.
        count: u32,
        /// Size of one element in bytes.
        element_size: u32,
    },
    /// A struct or union.
    Struct {
        /// Size in bytes.
        size: u32,
        /// Its name; empty if it has none.
        name: &'a str,
    },
    /// A float, a function, or a struct that is declared but not defined.
    Other {
        /// The kind.
        kind: Kind,
    },
}

impl Btf {
    /// The type below all typedefs and qualifiers.
    ///
    /// # Errors
    /// If it refers to no type, or to itself.
    pub fn meaning(&self, id: u32) -> Result<Meaning<'_>, BtfError> {
        let Some(bare) = self.bare(id)? else {
            return Ok(Meaning::Void);
        };
        let size = bare.size().unwrap_or(0);
        Ok(match bare.kind() {
            Kind::Int => Meaning::Int { size, signed: bare.signed() },
            Kind::Enum | Kind::Enum64 => Meaning::Enum { size, name: bare.name() },
            Kind::Struct | Kind::Union => Meaning::Struct { size, name: bare.name() },
            Kind::Ptr => Meaning::Pointer { to: self.pointee(&bare)? },
            Kind::Array => {
                let (element, count) = bare.array().unwrap_or_default();
                Meaning::Array { count, element_size: self.size_of_type(element)? }
            }
            kind @ (Kind::Fwd | Kind::Func | Kind::FuncProto | Kind::Var | Kind::DataSec) => {
                Meaning::Other { kind }
            }
            kind @ (Kind::Float | Kind::DeclTag | Kind::TypeTag) => Meaning::Other { kind },
            kind @ (Kind::Typedef | Kind::Volatile | Kind::Const | Kind::Restrict) => Meaning::Other { kind },
        })
    }

    /// The type below all typedefs and qualifiers; `None` is `void`.
    pub(super) fn bare(&self, id: u32) -> Result<Option<Type<'_>>, BtfError> {
        let mut at = id;
        for _ in 0..WRAPPINGS {
            if at == 0 {
                return Ok(None);
            }
            let found = self.type_at(at)?;
            let wraps = matches!(
                found.kind(),
                Kind::Typedef | Kind::Volatile | Kind::Const | Kind::Restrict | Kind::TypeTag
            );
            match found.refers_to() {
                Some(below) if wraps => at = below,
                _ => return Ok(Some(found)),
            }
        }
        Err(BtfError::Depth { id, limit: WRAPPINGS })
    }

    fn pointee(&self, pointer: &Type<'_>) -> Result<&str, BtfError> {
        let Some(target) = self.bare(pointer.refers_to().unwrap_or(0))? else {
            return Ok("");
        };
        let nameless = matches!(target.kind(), Kind::Func | Kind::FuncProto | Kind::Ptr | Kind::Array);
        Ok(if nameless { "" } else { self.type_at(target.id())?.name() })
    }

    /// Size in bytes of any type that has one.
    ///
    /// # Errors
    /// If it has no size, is nested too deep, or is larger than 4 GiB.
    pub fn size_of_type(&self, id: u32) -> Result<u32, BtfError> {
        let mut elements = 1_u32;
        let mut at = id;
        for _ in 0..WRAPPINGS {
            let Some(bare) = self.bare(at)? else {
                return Err(BtfError::Unexpected { id, found: "void", expected: "a type with a size" });
            };
            let one = if bare.kind() == Kind::Ptr { Some(8) } else { bare.size() };
            if let Some(one) = one {
                let unsized_ = || bare.unexpected("a type of less than 4 GiB");
                return one.checked_mul(elements).ok_or_else(unsized_);
            }
            let (element, count) = bare.array().ok_or_else(|| bare.unexpected("a type with a size"))?;
            elements =
                elements.checked_mul(count).ok_or_else(|| bare.unexpected("a type of less than 4 GiB"))?;
            at = element;
        }
        Err(BtfError::Depth { id, limit: WRAPPINGS })
    }
}

impl fmt::Display for Meaning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Void => f.write_str("void"),
            Self::Int { size, signed: true } => write!(f, "a signed {size}-byte integer"),
            Self::Int { size, signed: false } => write!(f, "an unsigned {size}-byte integer"),
            Self::Enum { size, name } => write!(f, "an enum {name} of {size} bytes"),
            Self::Pointer { to: "" } => f.write_str("a pointer"),
            Self::Pointer { to } => write!(f, "a pointer to {to}"),
            Self::Array { count, element_size } => {
                write!(f, "an array of {count} times {element_size} bytes")
            }
            Self::Struct { size, name } => write!(f, "a struct {name} of {size} bytes"),
            Self::Other { kind } => write!(f, "a {}", kind.name()),
        }
    }
}
