//! What the trigger was doing: its stacks when it asked for memory.

use crate::bytes::ByteString;

/// The stacks of the trigger, innermost call first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallTrace {
    /// In the kernel, from the caller of `out_of_memory` on.
    pub kernel: Vec<KernelCall>,
    /// In user space, as far as frame pointers lead. Empty for a kernel thread.
    pub user: Vec<UserCall>,
    /// Whether deeper kernel calls were not copied.
    pub cut: bool,
}

/// One call in the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelCall {
    /// The return address.
    pub address: u64,
    /// What is there; absent where the kernel's symbols could not be read.
    pub symbol: Option<Symbol>,
}

/// A function of the kernel and a place in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Symbol {
    /// The function.
    pub name: String,
    /// Bytes from its start.
    pub offset: u64,
    /// Bytes up to the next symbol, as the kernel's log has it.
    pub size: Option<u64>,
    /// The module it is in; absent for the kernel itself.
    pub module: Option<String>,
}

impl CallTrace {
    /// Whether the calls in the kernel have names, or there are none.
    #[must_use]
    pub fn has_names(&self) -> bool {
        self.kernel.is_empty() || self.kernel.iter().any(|call| call.symbol.is_some())
    }
}

/// A build id in hexadecimal, without the zeroes that a short one is filled up with.
#[must_use]
pub fn build_id(bytes: &[u8]) -> String {
    let length = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.iter().take(length).map(|byte| format!("{byte:02x}")).collect()
}

/// One call in user space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserCall {
    /// The return address, where the build id could not be told.
    pub address: Option<u64>,
    /// The build id of the file, in hexadecimal.
    pub build_id: Option<String>,
    /// Offset in the file.
    pub offset: Option<u64>,
    /// Path of the file.
    pub file: Option<ByteString>,
    /// The function; absent where the file is gone or has no symbols.
    pub symbol: Option<String>,
}
