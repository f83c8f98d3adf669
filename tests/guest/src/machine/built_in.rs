//! Features that the kernel was built with, from its own list of symbols. The list is a second witness: a feature must not be
//! called missing just because it was not found.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};
use oomtrace_scenarios::scenario::Feature;

/// The kernel's list of its symbols.
const KALLSYMS: &str = "/proc/kallsyms";

/// Whether the list lacks the offsets of per-CPU memory, as with `CONFIG_KALLSYMS_ALL=n`.
pub(crate) fn hides_cpu_offsets() -> Result<bool> {
    static HIDES: OnceLock<bool> = OnceLock::new();
    if let Some(&hides) = HIDES.get() {
        return Ok(hides);
    }
    let list = std::fs::read(KALLSYMS).with_context(|| format!("reading {KALLSYMS}"))?;
    let lists = |line: &[u8]| line.ends_with(b" __per_cpu_offset");
    Ok(*HIDES.get_or_init(|| !list.split(|&byte| byte == b'\n').any(lists)))
}

/// Fails if the kernel was built with a feature that could not be found.
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

/// The symbol in a line `ADDRESS TYPE NAME [MODULE]`, without the compiler's suffix after a dot.
fn name(line: &str) -> &str {
    let name = line.split_ascii_whitespace().nth(2).unwrap_or_default();
    name.split_once('.').map_or(name, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn strips_compiler_suffixes_and_modules_from_symbols() {
        assert_eq!(name("ffffffff81000000 t mem_cgroup_charge"), "mem_cgroup_charge");
        assert_eq!(name("ffffffff81000000 t mem_cgroup_charge.isra.0 [zram]"), "mem_cgroup_charge");
        assert_eq!(name(""), "");
    }
}
