//! The fields that the eBPF side needs from the kernel: one entry per slot of `KernelLayout`, each with the places where
//! kernels have it, newest spelling first. The version is never used, because distributions backport and configurations move
//! fields.

mod argument;
mod cgroup;
mod decision;
mod executable;
mod memory;
mod task;

use core::fmt;

use oomtrace_common::limits::COMM_BYTES;
use serde::Serialize;

use super::btf::{Btf, Kind, Meaning};

/// One slot of [`oomtrace_common::layout::KernelLayout`] and the places where its value is found.
#[derive(Clone, Copy, Debug)]
pub struct Requirement {
    /// Its byte in the layout.
    pub slot: usize,
    /// Its name in the layout.
    pub name: &'static str,
    /// The effect of its absence.
    pub need: Need,
    /// The places, in the order in which they are tried.
    pub places: &'static [Place],
}

/// The effect of a missing slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// No tier could give a correct report, so oomtrace refuses to start.
    Always,
    /// Like [`Need::Always`] on a kernel that has memory cgroups, and absent on a kernel without them.
    WithMemcg,
    /// Decisions cannot be seen. Only the tracepoint tier is left.
    Decision,
    /// A field of the report is absent, or a hook cannot be used.
    Optional,
}

impl Need {
    /// Whether a kernel with this BTF cannot be traced without the slot.
    #[must_use]
    pub fn is_required(self, btf: &Btf) -> bool {
        match self {
            Self::Always => true,
            Self::WithMemcg => btf.find(Kind::Struct, "mem_cgroup").next().is_some(),
            Self::Decision | Self::Optional => false,
        }
    }
}

/// A place where a value may be found.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// The offset of a member; [`Btf::locate`] describes paths.
    Member {
        /// The struct.
        of: &'static str,
        /// The path.
        path: &'static str,
        /// The required type.
        shape: Shape,
    },
    /// The distance from one member to another.
    Distance {
        /// The struct.
        of: &'static str,
        /// The first member.
        from: &'static str,
        /// The second.
        to: &'static str,
        /// The required type of the second member.
        shape: Shape,
    },
    /// The number of elements of an array.
    Length {
        /// The struct.
        of: &'static str,
        /// The path to the array.
        path: &'static str,
    },
    /// The size of a struct.
    Size {
        /// The struct.
        of: &'static str,
    },
    /// The position of a parameter, by name, or by the type it points to if BTF has no names.
    Parameter {
        /// The function.
        function: &'static str,
        /// The parameter.
        name: &'static str,
        /// The type that it points to.
        to: &'static str,
    },
    /// The position of a parameter of a static function that BTF does not have at all. It is the position in the source of
    /// every kernel that has the function. A kprobe can be attached there although the prototype is missing.
    Source {
        /// The function.
        function: &'static str,
        /// The parameter.
        name: &'static str,
        /// Its position, from 0.
        at: u32,
    },
    /// The position of a function's result for fexit: after its parameters.
    Result {
        /// The function.
        function: &'static str,
    },
    /// The position of a tracepoint's argument.
    Trace {
        /// The tracepoint.
        event: &'static str,
        /// The argument.
        pick: Pick,
    },
    /// The offset of a field in the record of a plain tracepoint. It comes from tracefs and not from BTF.
    Format {
        /// Category and event.
        event: &'static str,
        /// The field.
        field: &'static str,
    },
}

/// A tracepoint's argument by its type, because BTF has no names there.
#[derive(Clone, Copy, Debug)]
pub enum Pick {
    /// The only pointer to this struct.
    Pointer(&'static str),
    /// The `nth` (from 0) of exactly `of` arguments of type `int`.
    Int {
        /// The position among the arguments of type `int`, from 0.
        nth: usize,
        /// The required number of arguments of type `int`.
        of: usize,
    },
    /// The only argument of type `int`, if no argument is a task.
    Pid,
}

/// The required type of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A signed integer with this many bytes.
    Signed(u32),
    /// An unsigned integer with this many bytes.
    Unsigned(u32),
    /// An enum with this many bytes.
    Enum(u32),
    /// A pointer to this struct or integer.
    Pointer(&'static str),
    /// An array of `char` of at least `TASK_COMM_LEN`.
    Comm,
    /// An array of structs.
    Structs,
    /// An array of 8-byte integers.
    Longs,
    /// A struct.
    Struct,
}

impl Shape {
    /// Whether a type has this shape.
    #[must_use]
    pub fn fits(self, meaning: &Meaning<'_>) -> bool {
        match (self, *meaning) {
            (Self::Signed(want), Meaning::Int { size, signed: true }) => size == want,
            (Self::Unsigned(want), Meaning::Int { size, signed: false }) => size == want,
            (Self::Enum(want), Meaning::Enum { size, .. }) => size == want,
            (Self::Pointer(want), Meaning::Pointer { to }) => to == want,
            (Self::Comm, Meaning::Array { count, element_size: 1 }) => {
                usize::try_from(count).is_ok_and(|count| count >= COMM_BYTES)
            }
            (Self::Structs, Meaning::Array { element_size, .. }) => element_size > 0,
            (Self::Longs, Meaning::Array { element_size: 8, .. }) => true,
            (Self::Struct, Meaning::Struct { .. }) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signed(size) => write!(f, "a signed {size}-byte integer"),
            Self::Unsigned(size) => write!(f, "an unsigned {size}-byte integer"),
            Self::Enum(size) => write!(f, "an enum of {size} bytes"),
            Self::Pointer(to) => write!(f, "a pointer to {to}"),
            Self::Comm => write!(f, "an array of at least {COMM_BYTES} characters"),
            Self::Structs => f.write_str("an array of structs"),
            Self::Longs => f.write_str("an array of 8-byte integers"),
            Self::Struct => f.write_str("a struct"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Member { of, path, .. } => write!(f, "{of}.{path}"),
            Self::Distance { of, from, to, .. } => write!(f, "{of}.{from} to {of}.{to}"),
            Self::Length { of, path } => write!(f, "length of {of}.{path}"),
            Self::Size { of } => write!(f, "sizeof(struct {of})"),
            Self::Parameter { function, name, .. } => write!(f, "{function}({name})"),
            Self::Source { function, name, at } => write!(f, "{function}({name}), #{at} in the source"),
            Self::Result { function } => write!(f, "{function}() =>"),
            Self::Trace { event, pick: Pick::Pointer(to) } => write!(f, "{event}(struct {to} *)"),
            Self::Trace { event, pick: Pick::Int { nth, .. } } => write!(f, "{event}(int #{nth})"),
            Self::Trace { event, pick: Pick::Pid } => write!(f, "{event}(int)"),
            Self::Format { event, field } => write!(f, "{event}/format {field}"),
        }
    }
}

/// Every slot, exactly once.
pub fn all() -> impl Iterator<Item = &'static Requirement> {
    let all =
        [task::SLOTS, executable::SLOTS, decision::SLOTS, cgroup::SLOTS, argument::SLOTS, memory::SLOTS];
    all.into_iter().flatten()
}

/// Every struct, function and tracepoint typedef that [`all`] starts from. A fixture must keep them.
pub fn roots() -> impl Iterator<Item = (Kind, String)> {
    all().flat_map(|requirement| requirement.places).filter_map(|place| match *place {
        Place::Member { of, .. }
        | Place::Distance { of, .. }
        | Place::Length { of, .. }
        | Place::Size { of } => Some((Kind::Struct, of.to_owned())),
        Place::Parameter { function, .. } | Place::Source { function, .. } | Place::Result { function } => {
            Some((Kind::Func, function.to_owned()))
        }
        Place::Trace { event, .. } => Some((Kind::Typedef, format!("btf_trace_{event}"))),
        Place::Format { .. } => None,
    })
}

/// Named enums whose enumerators occur in paths. Those of unnamed enums are kept by their prefixes.
pub const ENUMS: &[&str] = &["pid_type", "cgroup_subsys_id"];

/// Prefixes of the enumerators of unnamed enums that occur in paths.
pub const ENUMERATORS: &[&str] = &["MM_"];

/// A [`Requirement`] whose name and slot cannot disagree.
macro_rules! slot {
    ($name:ident, $need:ident, [$($place:expr),+ $(,)?]) => {
        super::Requirement {
            slot: core::mem::offset_of!(oomtrace_common::layout::KernelLayout, $name),
            name: stringify!($name),
            need: super::Need::$need,
            places: &[$($place),+],
        }
    };
}
use slot;

/// A [`Place::Member`].
const fn member(of: &'static str, path: &'static str, shape: Shape) -> Place {
    Place::Member { of, path, shape }
}
