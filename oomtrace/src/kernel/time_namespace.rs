//! The offsets that a time namespace adds to the clocks. Frames are stamped with the kernel's own clock.

use std::fs;

const FILE: &str = "/proc/self/timens_offsets";

/// The offsets of this process's clocks, in ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offsets {
    /// The offset of `CLOCK_BOOTTIME`.
    pub boottime_ns: i64,
    /// The offset of `CLOCK_MONOTONIC`.
    pub monotonic_ns: i64,
}

impl Offsets {
    /// The offsets of this process; zero on kernels without time namespaces, which do not have this file.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self::parse(&fs::read_to_string(FILE).unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let of = |name, number| text.lines().find_map(|line| offset(line, name, number)).unwrap_or(0);
        Self { boottime_ns: of("boottime", "7"), monotonic_ns: of("monotonic", "1") }
    }
}

/// Parses `boottime <seconds> <nanoseconds>`. The clock is a number before 5.7-rc and a name since then.
fn offset(line: &str, name: &str, number: &str) -> Option<i64> {
    let mut words = line.split_ascii_whitespace();
    words.next().filter(|clock| [name, number].contains(clock))?;
    let seconds: i64 = words.next()?.parse().ok()?;
    let ns: i64 = words.next()?.parse().ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(ns)
}

#[cfg(test)]
mod tests {
    use super::Offsets;

    #[test]
    fn reads_one_line_per_clock() {
        let text = "monotonic           -1         0\nboottime        100         5\n";
        let offsets = Offsets { boottime_ns: 100_000_000_005, monotonic_ns: -1_000_000_000 };
        assert_eq!(Offsets::parse(text), offsets);
        assert_eq!(Offsets::parse("7 100 5\n1 -1 0\n"), offsets);
        assert_eq!(Offsets::parse(""), Offsets::default());
        assert_eq!(Offsets::parse("boottime x y"), Offsets::default());
    }
}
