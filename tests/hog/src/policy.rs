//! The memory policy of the process.

use anyhow::{Context, Result};

/// Allocates memory only from one node from now on (`MPOL_BIND` of
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/mempolicy.h#L22>).
pub(crate) fn bind_to_node(node: u32) -> Result<()> {
    let mask =
        1_u64.checked_shl(node).with_context(|| format!("node {node} is beyond what one word holds"))?;
    // The kernel expects the number of bits plus one.
    let bits = u64::BITS + 1;
    // SAFETY: the kernel reads the one word whose size `bits` states, and writes nothing.
    match unsafe { libc::syscall(libc::SYS_set_mempolicy, libc::MPOL_BIND, &raw const mask, bits) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()).with_context(|| format!("binding to node {node}")),
    }
}
