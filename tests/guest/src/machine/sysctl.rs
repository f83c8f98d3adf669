//! Kernel settings that are restored when dropped, and figures of `/proc`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

/// A setting below `/proc/sys`, or at an absolute path, with its earlier value.
pub(crate) struct Sysctl {
    path: PathBuf,
    earlier: String,
}

impl Sysctl {
    /// Write a value.
    pub(crate) fn set(file: &str, value: &str) -> Result<Self> {
        let path = PathBuf::from("/proc/sys").join(file);
        let earlier = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        fs::write(&path, value).with_context(|| format!("writing {value} to {}", path.display()))?;
        Ok(Self { path, earlier })
    }
}

impl Drop for Sysctl {
    fn drop(&mut self) {
        if let Err(error) = fs::write(&self.path, &self.earlier) {
            eprintln!("guest: restoring {}: {error}", self.path.display());
        }
    }
}

/// `oom_kill` of `/proc/vmstat`.
pub(crate) fn vmstat_oom_kill() -> Result<u64> {
    figure("/proc/vmstat", "oom_kill")
}

/// MemTotal and SwapTotal together, in bytes.
pub(crate) fn memory_bytes() -> Result<u64> {
    Ok((figure("/proc/meminfo", "MemTotal:")? + figure("/proc/meminfo", "SwapTotal:")?) * 1024)
}

/// SwapTotal, in bytes.
pub(crate) fn swap_bytes() -> Result<u64> {
    Ok(figure("/proc/meminfo", "SwapTotal:")? * 1024)
}

/// Whether the kernel can reserve memory for devices (CMA). Only then does it report the amount.
pub(crate) fn has_cma() -> bool {
    figure("/proc/meminfo", "CmaTotal:").is_ok()
}

/// The number after a name in a file of lines `NAME NUMBER …`.
fn figure(file: &str, name: &str) -> Result<u64> {
    let text = fs::read_to_string(file).with_context(|| format!("reading {file}"))?;
    let mut lines = text.lines().map(|line| line.split_ascii_whitespace());
    lines
        .find_map(|mut words| (words.next() == Some(name)).then(|| words.next()?.parse().ok()).flatten())
        .with_context(|| format!("no {name} in {file}"))
}
