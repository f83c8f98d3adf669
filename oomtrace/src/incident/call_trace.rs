//! The trigger's stacks at the time of the memory request.

use crate::bytes::ByteString;

/// The stacks of the trigger, innermost call first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallTrace {
    /// The kernel stack, starting at the caller of `out_of_memory`.
    pub kernel: Vec<KernelCall>,
    /// The user-space stack, as far as frame pointers lead. Empty for a kernel thread.
    pub user: Vec<UserCall>,
    /// Whether the stack was truncated: deeper kernel calls were not copied.
    pub cut: bool,
    /// Whether the kernel's list of symbols is being read for the names.
    pub names_follow: bool,
    /// Whether a thread is reading names of functions in user space.
    pub functions_follow: bool,
}

/// One call in the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelCall {
    /// The return address.
    pub address: u64,
    /// The symbol at the address; absent if the kernel's symbols could not be read.
    pub symbol: Option<Symbol>,
}

/// A kernel function and an offset in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Symbol {
    /// The name of the function.
    pub name: String,
    /// Offset from the start of the function, in bytes.
    pub offset: u64,
    /// Bytes up to the next symbol, as in the kernel's log.
    pub size: Option<u64>,
    /// The module that contains the function; absent for the kernel itself.
    pub module: Option<String>,
}

impl CallTrace {
    /// Whether the calls in the kernel have names. Also true if there are no such calls.
    #[must_use]
    pub fn has_names(&self) -> bool {
        self.kernel.is_empty() || self.kernel.iter().any(|call| call.symbol.is_some())
    }

    /// Whether names are still missing and expected.
    #[must_use]
    pub fn awaits_names(&self) -> bool {
        self.names_follow && !self.has_names()
    }
}

/// Formats a build id in hexadecimal, without the zeros that pad a short one.
#[must_use]
pub fn build_id(bytes: &[u8]) -> String {
    let length = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.iter().take(length).map(|byte| format!("{byte:02x}")).collect()
}

/// One call in user space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserCall {
    /// The return address, if the build id could not be determined.
    pub address: Option<u64>,
    /// The build id of the file, in hexadecimal.
    pub build_id: Option<String>,
    /// Offset in the file.
    pub offset: Option<u64>,
    /// Path of the file.
    pub file: Option<ByteString>,
    /// The function; absent if the file no longer exists or has no symbols.
    pub symbol: Option<String>,
}
