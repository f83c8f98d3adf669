//! The kinds of BTF records.

/// `BTF_KIND_*`. <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/btf.h#L60>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// An integer, including `bool` and `char`.
    Int = 1,
    /// A pointer.
    Ptr = 2,
    /// An array.
    Array = 3,
    /// A struct.
    Struct = 4,
    /// A union.
    Union = 5,
    /// An enum of 32 bits or less.
    Enum = 6,
    /// A struct or union that is declared but not defined.
    Fwd = 7,
    /// A typedef.
    Typedef = 8,
    /// `volatile`.
    Volatile = 9,
    /// `const`.
    Const = 10,
    /// `restrict`.
    Restrict = 11,
    /// A function.
    Func = 12,
    /// The parameters and result of a function.
    FuncProto = 13,
    /// A variable.
    Var = 14,
    /// A section of variables.
    DataSec = 15,
    /// A floating-point number.
    Float = 16,
    /// An attribute of a declaration.
    DeclTag = 17,
    /// An attribute of a type, such as `rcu` and `percpu`.
    TypeTag = 18,
    /// An enum of 64 bits.
    Enum64 = 19,
}

impl Kind {
    /// The kind with this number, if there is one.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Int,
            2 => Self::Ptr,
            3 => Self::Array,
            4 => Self::Struct,
            5 => Self::Union,
            6 => Self::Enum,
            7 => Self::Fwd,
            8 => Self::Typedef,
            9 => Self::Volatile,
            10 => Self::Const,
            11 => Self::Restrict,
            12 => Self::Func,
            13 => Self::FuncProto,
            14 => Self::Var,
            15 => Self::DataSec,
            16 => Self::Float,
            17 => Self::DeclTag,
            18 => Self::TypeTag,
            19 => Self::Enum64,
            _ => return None,
        })
    }

    /// Its name in C and in the BTF documentation.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Ptr => "pointer",
            Self::Array => "array",
            Self::Struct => "struct",
            Self::Union => "union",
            Self::Enum => "enum",
            Self::Fwd => "forward declaration",
            Self::Typedef => "typedef",
            Self::Volatile => "volatile",
            Self::Const => "const",
            Self::Restrict => "restrict",
            Self::Func => "function",
            Self::FuncProto => "function prototype",
            Self::Var => "variable",
            Self::DataSec => "section",
            Self::Float => "float",
            Self::DeclTag => "declaration tag",
            Self::TypeTag => "type tag",
            Self::Enum64 => "enum64",
        }
    }

    /// Bytes after the twelve that every record has, for `vlen` entries.
    pub(super) fn tail(self, vlen: usize) -> usize {
        match self {
            Self::Int | Self::Var | Self::DeclTag => 4,
            Self::Array => 12,
            Self::Struct | Self::Union | Self::DataSec | Self::Enum64 => 12 * vlen,
            Self::Enum | Self::FuncProto => 8 * vlen,
            Self::Ptr | Self::Fwd | Self::Typedef | Self::Volatile | Self::Const => 0,
            Self::Restrict | Self::Func | Self::Float | Self::TypeTag => 0,
        }
    }

    /// Whether the third word of a record is a type id. Otherwise it is a size, or unused.
    pub(super) fn refers(self) -> bool {
        match self {
            Self::Ptr | Self::Typedef | Self::Volatile | Self::Const | Self::Restrict => true,
            Self::Func | Self::FuncProto | Self::Var | Self::DeclTag | Self::TypeTag => true,
            Self::Int | Self::Array | Self::Struct | Self::Union | Self::Enum | Self::Fwd => false,
            Self::DataSec | Self::Float | Self::Enum64 => false,
        }
    }
}
