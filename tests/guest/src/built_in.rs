//! What the kernel was built with, by its own list of symbols: a witness against calling a feature missing that is
//! there and was only not found.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};
use oomtrace_scenarios::scenario::Feature;

/// The kernel's list of its symbols.
const KALLSYMS: &str = "/proc/kallsyms";

/// Whether the list leaves out where the memory of each CPU is, as it does with `CONFIG_KALLSYMS_ALL=n`.
pub(crate) fn hides_cpu_offsets() -> Result<bool> {
    static HIDES: OnceLock<bool> = OnceLock::new();
    if let Some(&hides) = HIDES.get() {
        return Ok(hides);
    }
    let list = std::fs::read(KALLSYMS).with_context(|| format!("reading {KALLSYMS}"))?;
    let lists = |line: &[u8]| line.ends_with(b" __per_cpu_offset");
    Ok(*HIDES.get_or_init(|| !list.split(|&byte| byte == b'\n').any(lists)))
}

/// An error if the kernel was built with a feature that could not be found.
pub(crate) fn confirm_missing(feature: Feature) -> Result<()> {
    let symbol = feature.symbol();
    let file = File::open(KALLSYMS).with_context(|| format!("opening {KALLSYMS}"))?;
    let mut lines = 0_usize;
    for line in BufReader::new(file).lines() {
        let line = line.with_context(|| format!("reading {KALLSYMS}"))?;
        ensure!(name(&line) != symbol, "{feature} was not found, but this kernel has it: {line}");
        lines += 1;
    }
    ensure!(lines > 0, "{KALLSYMS} is empty, and cannot confirm that {feature} is missing");
    Ok(())
}

/// The symbol of a line `ADDRESS TYPE NAME [MODULE]`, without what a compiler adds behind a dot.
fn name(line: &str) -> &str {
    let name = line.split_ascii_whitespace().nth(2).unwrap_or_default();
    name.split_once('.').map_or(name, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn symbols_are_told_from_their_copies_and_modules() {
        assert_eq!(name("ffffffff81000000 t mem_cgroup_charge"), "mem_cgroup_charge");
        assert_eq!(name("ffffffff81000000 t mem_cgroup_charge.isra.0 [zram]"), "mem_cgroup_charge");
        assert_eq!(name(""), "");
    }
}
