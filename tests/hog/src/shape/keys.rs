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
    #[arg(long, required_unless_present = "pages")]
    bytes: Option<usize>,
    /// How many contiguous pages each holds, instead of bytes
    #[arg(long, conflicts_with = "bytes")]
    pages: Option<usize>,
}

/// Bytes that the kernel adds to a payload, at most.
const HEADER: usize = 64;

impl Keys {
    pub(crate) fn take(&self) -> Result<Taken> {
        let of_pages =
            self.pages.map(|pages| pages.saturating_mul(rustix::param::page_size()).saturating_sub(HEADER));
        let payload = vec![1_u8; of_pages.or(self.bytes).unwrap_or(0)];
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
