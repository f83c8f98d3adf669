//! Checks that the settings of the kernel's command line are in effect. The kernel ignores names that it does not know, and the
//! test would then run without the setting.

use std::fs;

use anyhow::{Context as _, Result, ensure};

/// The file with the kernel's lockdown level.
const LOCKDOWN: &str = "/sys/kernel/security/lockdown";

/// Compares the settings on the command line with those in effect.
pub(crate) fn hold() -> Result<()> {
    let line = fs::read_to_string("/proc/cmdline").context("reading /proc/cmdline")?;
    for (name, value) in line.split_ascii_whitespace().filter_map(|word| word.split_once('=')) {
        if let Some(sysctl) = name.strip_prefix("sysctl.") {
            let path = format!("/proc/sys/{}", sysctl.replace('.', "/"));
            let is = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
            ensure!(is.trim() == value, "{path} is {}, but the command line sets {value}", is.trim());
        }
        if name == "lockdown" {
            let is = fs::read_to_string(LOCKDOWN).with_context(|| format!("reading {LOCKDOWN}"))?;
            ensure!(is.contains(&format!("[{value}]")), "lockdown is {}, not {value}", is.trim());
        }
    }
    Ok(())
}
