//! Sizes as they are typed.

/// Bytes, with K, M, G or T behind as in `memory.max`.
///
/// # Errors
///
/// If it is none.
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

/// Bytes of a file of recordings. Each begins with what is needed to read it, some tens of KiB: in a smaller one there would be
/// little else.
///
/// # Errors
///
/// If it is no size, or too small.
pub(crate) fn file_bytes(typed: &str) -> Result<u64, String> {
    let size = bytes(typed)?;
    if size < FILE_BYTES_MIN { Err("a file has 1M at least".to_owned()) } else { Ok(size) }
}

/// The smallest file that another one may follow.
const FILE_BYTES_MIN: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::{bytes, file_bytes};

    #[test]
    fn sizes_are_binary_and_whole() {
        assert_eq!(["4096", "64M", "2g", "1T"].map(bytes), [4096, 64 << 20, 2 << 30, 1 << 40].map(Ok));
        for wrong in ["", "M", "64MB", "-1", "1.5G", "99999999999T"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_file_is_not_all_head() {
        assert_eq!(["1M", "1048576", "2G"].map(file_bytes), [1 << 20, 1 << 20, 2 << 30].map(Ok));
        for wrong in ["0", "16K", "1048575", "x"] {
            assert!(file_bytes(wrong).is_err(), "{wrong}");
        }
    }
}
