//! Parses sizes from the command line and from the file of an experiment.

/// Parses a number of bytes with an optional suffix K, M, G or T, as in `memory.max`.
///
/// # Errors
///
/// If it is not a size.
pub(crate) fn bytes(typed: &str) -> Result<u64, String> {
    let wrong = || format!("a size is a number with K, M, G or T behind, not `{typed}`");
    let digits = typed.trim_end_matches(|last: char| last.is_ascii_alphabetic());
    let shift = match typed.get(digits.len()..).map(str::to_ascii_uppercase).as_deref() {
        Some("") => 0,
        Some("K") => 10,
        Some("M") => 20,
        Some("G") => 30,
        Some("T") => 40,
        _ => return Err(wrong()),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_are_binary_and_whole() {
        assert_eq!(["4096", "64M", "2g", "1T"].map(bytes), [4096, 64 << 20, 2 << 30, 1 << 40].map(Ok));
        for wrong in ["", "M", "64MB", "-1", "1.5G", "99999999999T"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
