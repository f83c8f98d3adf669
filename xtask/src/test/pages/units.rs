//! The number formats of the pages, implemented a second time from the JSON's bytes and nanoseconds.

use serde_json::Value;

/// The sign for an unknown value.
pub(super) const ABSENT: &str = "–";

/// Bytes in the binary unit that keeps them below 1024, with one decimal.
pub(super) fn size(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let names = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut unit = 1024_u128;
    for name in names {
        let tenths = (u128::from(bytes) * 10 + unit / 2) / unit;
        if tenths < 10_240 {
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
        unit *= 1024;
    }
    format!("{bytes} B")
}

/// A number in groups of three digits.
pub(super) fn count(number: i64) -> String {
    let digits: Vec<char> = number.unsigned_abs().to_string().chars().rev().collect();
    let groups: Vec<String> = digits.chunks(3).map(|group| group.iter().rev().collect()).collect();
    let grouped = groups.iter().rev().map(String::as_str).collect::<Vec<_>>().join(" ");
    if number < 0 { format!("-{grouped}") } else { grouped }
}

/// Nanoseconds in a suitable unit, cut to one decimal.
pub(super) fn span(ns: u64) -> String {
    let (tenths, unit) = match ns {
        0..=999 => return format!("{ns} ns"),
        1_000..=999_999 => (ns / 100, "µs"),
        1_000_000..=999_999_999 => (ns / 100_000, "ms"),
        _ => (ns / 100_000_000, "s"),
    };
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// A size in JSON, or the dash.
pub(super) fn size_of(value: &Value) -> String {
    value.as_u64().map_or_else(|| ABSENT.to_owned(), size)
}

/// A number in JSON, or the dash.
pub(super) fn count_of(value: &Value) -> String {
    value.as_i64().map_or_else(|| ABSENT.to_owned(), count)
}

/// A number in JSON without groups, or the dash.
pub(super) fn plain(value: &Value) -> String {
    if value.is_null() { ABSENT.to_owned() } else { value.to_string() }
}

/// Text in JSON: a string, or the dash.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| ABSENT.to_owned(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{count, size, span};

    #[test]
    fn formats_numbers_as_the_pages_do() {
        assert_eq!([size(1023), size(64 << 20), size(65_282_048)], ["1023 B", "64.0 MiB", "62.3 MiB"]);
        assert_eq!([count(0), count(15_938), count(-1_000)], ["0", "15 938", "-1 000"]);
        assert_eq!([span(999), span(41_200), span(14_260_000)], ["999 ns", "41.2 µs", "14.2 ms"]);
    }
}
