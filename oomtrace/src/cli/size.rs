//! Sizes with limits that apply only to the command line.

use crate::size::bytes;

/// The size of a file of recordings. Each file begins with some tens of KiB that are needed to read it, so a smaller file would
/// contain little else.
///
/// # Errors
///
/// If it is not a size, or too small.
pub(super) fn file_bytes(typed: &str) -> Result<u64, String> {
    let size = bytes(typed)?;
    if size < FILE_BYTES_MIN { Err("a file has 1M at least".to_owned()) } else { Ok(size) }
}

/// The minimum size of a file.
const FILE_BYTES_MIN: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::file_bytes;

    #[test]
    fn rejects_a_file_too_small_for_its_head() {
        assert_eq!(["1M", "1048576", "2G"].map(file_bytes), [1 << 20, 1 << 20, 2 << 30].map(Ok));
        for wrong in ["0", "16K", "1048575", "x"] {
            assert!(file_bytes(wrong).is_err(), "{wrong}");
        }
    }
}
