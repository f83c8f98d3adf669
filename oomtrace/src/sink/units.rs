//! Numbers with their units, for people.

/// The sign for an unknown value.
pub(crate) const ABSENT: &str = "-";

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// Bytes in the binary unit that keeps them below 1024, with one decimal.
pub(crate) fn size(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut unit = 1_u128 << 10;
    for name in UNITS {
        let tenths = (u128::from(bytes) * 10 + unit / 2) / unit;
        if tenths < 10_240 {
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
        unit <<= 10;
    }
    format!("{bytes} B")
}

/// A number in groups of three digits.
pub(crate) fn count(number: impl Into<i128>) -> String {
    let number: i128 = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut grouped = String::from(if number < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

/// Pages, and their size in bytes if the page size is known.
pub(crate) fn pages(pages: u64, page_bytes: Option<u64>) -> String {
    let noun = if pages == 1 { "page" } else { "pages" };
    match page_bytes.and_then(|bytes| pages.checked_mul(bytes)) {
        Some(bytes) => format!("{} {noun} ({})", count(pages), size(bytes)),
        None => format!("{} {noun}", count(pages)),
    }
}

/// A time span in ns, in a suitable unit.
pub(crate) fn span(ns: u64) -> String {
    let (value, unit) = match ns {
        ..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (ns / 100, "µs"),
        1_000_000..1_000_000_000 => (ns / 100_000, "ms"),
        _ => (ns / 100_000_000, "s"),
    };
    format!("{}.{} {unit}", value / 10, value % 10)
}

/// A point in time as in the kernel's log: seconds since boot.
pub(crate) fn boot_seconds(ns: u64) -> String {
    format!("{}.{:06}", ns / 1_000_000_000, ns / 1_000 % 1_000_000)
}

/// A value, or the sign that it is absent.
pub(crate) fn or_absent<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| ABSENT.to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::{boot_seconds, count, or_absent, pages, size, span};

    #[test]
    fn rounds_sizes_to_one_decimal_below_1024() {
        let expected = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (64 << 20, "64.0 MiB"),
            (65_282_048, "62.3 MiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (1 << 30, "1.0 GiB"),
            (u64::MAX, "16.0 EiB"),
        ];
        for (bytes, text) in expected {
            assert_eq!(size(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn formats_numbers_and_spans() {
        assert_eq!(
            [count(0), count(999), count(15_938), count(-1_234_567)],
            ["0", "999", "15 938", "-1 234 567"]
        );
        assert_eq!(pages(1, None), "1 page");
        assert_eq!(pages(15_938, Some(4096)), "15 938 pages (62.3 MiB)");
        assert_eq!(
            [span(999), span(1_250), span(14_260_000), span(2_000_000_000)],
            ["999 ns", "1.2 µs", "14.2 ms", "2.0 s"]
        );
        assert_eq!(boot_seconds(12_345_678_901), "12.345678");
        assert_eq!([or_absent(Some(0)), or_absent::<i32>(None)], ["0", "-"]);
    }
}
