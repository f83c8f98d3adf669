//! Names of the calls in a stack, found after the decision.

use serde::{Deserialize, Serialize};

use crate::bytes::ByteString;

/// Names of addresses in the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelSymbols {
    /// One for each address that has a name.
    pub symbols: Vec<KernelSymbol>,
    /// Whether the kernel's list of symbols is being read, and more names of this pass follow.
    #[serde(default, skip_serializing_if = "is_false")]
    pub more: bool,
}

/// An address in the kernel and its function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelSymbol {
    /// The address.
    pub address: u64,
    /// The function.
    pub name: String,
    /// Bytes from its start.
    pub offset: u64,
    /// Bytes up to the next symbol.
    #[serde(default)]
    pub size: Option<u64>,
    /// The module that it is in; absent for the kernel itself.
    #[serde(default)]
    pub module: Option<String>,
}

/// Files and names of calls in user space.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSymbols {
    /// The process.
    pub pid: i32,
    /// One for each call with a known file or name.
    pub symbols: Vec<UserSymbol>,
    /// Whether a thread reads names of functions, and another frame with them follows.
    #[serde(default, skip_serializing_if = "is_false")]
    pub more: bool,
}

/// A place in a file and its function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSymbol {
    /// The return address, if the kernel could not read the build id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<u64>,
    /// Build id of the file, in hexadecimal; empty with an address.
    #[serde(default)]
    pub build_id: String,
    /// Offset in it.
    pub offset: u64,
    /// Path of the file.
    #[serde(default)]
    pub file: Option<ByteString>,
    /// The function, as the file spells it.
    #[serde(default)]
    pub symbol: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}
