//! No memory of its own: the process switches off swap, whose contents must be read back. The kernel chooses such a process first
//! (`set_current_oom_origin`, <https://github.com/torvalds/linux/blob/v6.12/mm/swapfile.c#L2780>).

use std::ffi::CString;

use anyhow::{Context, Result, ensure};
use clap::Args;

use super::Taken;

/// A swap device that is switched off.
#[derive(Args)]
pub(crate) struct SwapOff {
    /// The device it is on
    #[arg(long)]
    device: String,
}

impl SwapOff {
    pub(crate) fn take(&self) -> Result<Taken> {
        let path = CString::new(self.device.as_str()).context("the device's path")?;
        // SAFETY: the path is a string that ends with a zero, and the kernel only reads it.
        let result = unsafe { libc::swapoff(path.as_ptr()) };
        ensure!(result == 0, "switching swap off on {}: {}", self.device, std::io::Error::last_os_error());
        Ok(Taken::default())
    }
}
