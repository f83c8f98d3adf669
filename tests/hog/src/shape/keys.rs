//! Keys in the kernel's keyring: contiguous buffers of any size below 32 KiB.

use std::ffi::CString;
use std::io::Error;

use anyhow::{Result, ensure};
use clap::Args;

use super::Taken;

/// `KEY_SPEC_PROCESS_KEYRING`: the kernel removes the keys when this process exits.
const PROCESS_KEYRING: libc::c_int = -2;

/// Keys of one size, in this process's keyring.
#[derive(Args)]
pub(crate) struct Keys {
    /// How many
    #[arg(long)]
    count: usize,
    /// How much each holds, in bytes
    #[arg(long)]
    bytes: usize,
}

impl Keys {
    pub(crate) fn take(&self) -> Result<Taken> {
        let payload = vec![1_u8; self.bytes];
        for number in 0..self.count {
            let name = CString::new(format!("key {number}"))?;
            // SAFETY: type and name are strings that end with a zero, and the payload has the stated length.
            let key = unsafe {
                libc::syscall(
                    libc::SYS_add_key,
                    c"user".as_ptr(),
                    name.as_ptr(),
                    payload.as_ptr(),
                    payload.len(),
                    PROCESS_KEYRING,
                )
            };
            ensure!(key >= 0, "adding key {number}: {}", Error::last_os_error());
        }
        Ok(Taken::default())
    }
}
