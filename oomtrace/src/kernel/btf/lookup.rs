//! The errors of a lookup by name.

use super::BtfError;

/// A lookup by name that has no unique answer on this kernel.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// Nothing has this name.
    #[error("there is no {kind} `{name}`")]
    NoType {
        /// The kind that was searched for.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// A struct without this member.
    #[error("`{of}` has no member `{member}`")]
    NoMember {
        /// The struct and the path so far.
        of: String,
        /// The member.
        member: String,
    },
    /// An index into something that is not an array.
    #[error("`{path}` is not an array but {found}")]
    NotAnArray {
        /// The path up to the index.
        path: String,
        /// The type found.
        found: String,
    },
    /// An index beyond the end of an array.
    #[error("`{path}` has {count} elements, none at {index}")]
    Index {
        /// The path up to the index.
        path: String,
        /// The index.
        index: i128,
        /// The number of elements.
        count: u32,
    },
    /// A bit field where whole bytes are expected.
    #[error("`{path}` is a bit field")]
    BitField {
        /// The path.
        path: String,
    },
    /// No such enumerator.
    #[error("there is no enumerator `{name}`")]
    NoEnumerator {
        /// Its name, after the name of its enum if one was given.
        name: String,
    },
    /// A function without this parameter.
    #[error("`{function}` has no parameter {parameter}")]
    NoParameter {
        /// The function or tracepoint.
        function: String,
        /// The parameter that was searched for.
        parameter: String,
    },
    /// Two definitions that disagree. Choosing one would be a guess.
    #[error("this kernel has two definitions of `{name}` that disagree ({one} and {other})")]
    Ambiguous {
        /// The name or path.
        name: String,
        /// One value.
        one: String,
        /// The other value.
        other: String,
    },
    /// The right name with another type.
    #[error("`{path}` is {found}, where {expected} is called for")]
    Type {
        /// The path.
        path: String,
        /// The type found.
        found: String,
        /// The type expected.
        expected: String,
    },
    /// The BTF itself is broken.
    #[error(transparent)]
    Btf(#[from] BtfError),
}
