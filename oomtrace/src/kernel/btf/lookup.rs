//! Why a name did not lead to one answer.

use super::BtfError;

/// A lookup by name that this kernel has no single answer for.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// Nothing of that name.
    #[error("there is no {kind} `{name}`")]
    NoType {
        /// What was looked for.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// A struct without that member.
    #[error("`{of}` has no member `{member}`")]
    NoMember {
        /// The struct and the path so far.
        of: String,
        /// The member.
        member: String,
    },
    /// An index into something that is no array.
    #[error("`{path}` is not an array but {found}")]
    NotAnArray {
        /// The path up to the index.
        path: String,
        /// What it is.
        found: String,
    },
    /// An index beyond an array's end.
    #[error("`{path}` has {count} elements, none at {index}")]
    Index {
        /// The path up to the index.
        path: String,
        /// The index.
        index: i128,
        /// Elements there are.
        count: u32,
    },
    /// A bit field where whole bytes are called for.
    #[error("`{path}` is a bit field")]
    BitField {
        /// The path.
        path: String,
    },
    /// No such enumerator.
    #[error("there is no enumerator `{name}`")]
    NoEnumerator {
        /// With its enum, where one was asked for.
        name: String,
    },
    /// A function without such a parameter.
    #[error("`{function}` has no parameter {parameter}")]
    NoParameter {
        /// The function or tracepoint.
        function: String,
        /// What was looked for.
        parameter: String,
    },
    /// Two definitions that disagree. To take either would be a guess.
    #[error("this kernel has two definitions of `{name}` that disagree ({one} and {other})")]
    Ambiguous {
        /// The name or path.
        name: String,
        /// One answer.
        one: String,
        /// Another.
        other: String,
    },
    /// The right name with another type.
    #[error("`{path}` is {found}, where {expected} is called for")]
    Type {
        /// The path.
        path: String,
        /// What it is.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// The BTF itself is broken.
    #[error(transparent)]
    Btf(#[from] BtfError),
}
