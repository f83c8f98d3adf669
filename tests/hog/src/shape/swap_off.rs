//! No memory of its own: swap is switched off, and what is in it must come back. Whoever does that has asked the kernel to
//! be killed first (`set_current_oom_origin`, <https://github.com/torvalds/linux/blob/v6.12/mm/swapfile.c#L2780>).

use std::ffi::CString;

use anyhow::{Context, Result, ensure};
use clap::Args;

use super::Taken;

/// Swap that is switched off.
#[derive(Args)]
pub(crate) struct SwapOff {
    /// The device it is on
    #[arg(long)]
    device: String,
}

impl SwapOff {
    pub(crate) fn take(&self) -> Result<Taken> {
        let path = CString::new(self.device.as_str()).context("the device's path")?;
        // SAFETY: the path is a string with a zero at its end, and the kernel only reads it.
        let result = unsafe { libc::swapoff(path.as_ptr()) };
        ensure!(result == 0, "switching swap off on {}: {}", self.device, std::io::Error::last_os_error());
        Ok(Taken::default())
    }
}
