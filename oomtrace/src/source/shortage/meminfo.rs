//! Reads `/proc/meminfo`, by its own names.
//! <https://github.com/torvalds/linux/blob/v6.12/fs/proc/meminfo.c#L33>

use std::collections::BTreeMap;

use super::lines;

/// Maximum number of lines that are kept. The file has about 60.
const MOST: usize = 256;

/// Adds a line. Sizes are in bytes; `HugePages_*` has no unit and stays a count.
pub(super) fn take_line(meminfo: &mut BTreeMap<String, u64>, line: &[u8]) {
    if let Some((name, value)) = parse(line)
        && meminfo.len() < MOST
    {
        meminfo.insert(name.to_owned(), value);
    }
}

fn parse(line: &[u8]) -> Option<(&str, u64)> {
    let mut words = lines::words(line);
    let name = words.next()?.strip_suffix(':')?;
    let value: u64 = words.next()?.parse().ok()?;
    match words.next() {
        None => Some((name, value)),
        Some("kB") => Some((name, value.checked_mul(1024)?)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{MOST, take_line};

    fn meminfo(text: &str) -> BTreeMap<String, u64> {
        let mut meminfo = BTreeMap::new();
        text.as_bytes().split(|byte| *byte == b'\n').for_each(|line| take_line(&mut meminfo, line));
        meminfo
    }

    #[test]
    fn parses_meminfo_of_recorded_kernels() {
        for text in [
            include_str!("../../../../tests/procfs/5.10/meminfo"),
            include_str!("../../../../tests/procfs/7.3/meminfo"),
        ] {
            let meminfo = meminfo(text);
            assert_eq!(meminfo.len(), text.lines().count());
            assert!(meminfo["MemFree"] < meminfo["MemTotal"] && meminfo["MemTotal"].is_multiple_of(4096));
            assert_eq!(meminfo["HugePages_Total"], 0);
            assert_eq!(meminfo["Hugepagesize"], 2 << 20);
        }
    }

    #[test]
    fn ignores_malformed_lines() {
        let text =
            "MemTotal: 4 kB\nMemFree 4 kB\nA: x kB\nB: 4 MB\nC:\nD: 18446744073709551615 kB\n\u{0}:1\nE: 7";
        assert_eq!(meminfo(text), [("MemTotal", 4096), ("E", 7)].map(|(name, at)| (name.into(), at)).into());
        let many: String = (0..2 * MOST).map(|at| format!("A{at}: 1\n")).collect();
        assert_eq!(meminfo(&many).len(), MOST);
    }
}
