//! What the kernel's command line asks for must hold: a name it does not know is passed over, and what was to be shown with it would
//! be shown without.

use std::fs;

use anyhow::{Context as _, Result, ensure};

/// Where the kernel says how far it is locked down.
const LOCKDOWN: &str = "/sys/kernel/security/lockdown";

/// Compares the settings that are named there with those that are.
pub(crate) fn hold() -> Result<()> {
    let line = fs::read_to_string("/proc/cmdline").context("reading /proc/cmdline")?;
    for (name, value) in line.split_ascii_whitespace().filter_map(|word| word.split_once('=')) {
        if let Some(sysctl) = name.strip_prefix("sysctl.") {
            let path = format!("/proc/sys/{}", sysctl.replace('.', "/"));
            let is = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
            ensure!(is.trim() == value, "{path} is {}, and {value} was asked for at boot", is.trim());
        }
        if name == "lockdown" {
            let is = fs::read_to_string(LOCKDOWN).with_context(|| format!("reading {LOCKDOWN}"))?;
            ensure!(is.contains(&format!("[{value}]")), "lockdown is {}, not {value}", is.trim());
        }
    }
    Ok(())
}
