//! The sizes that only the command line bounds.

use crate::size::bytes;

/// Bytes of a file of recordings. Each begins with what is needed to read it, some tens of KiB: in a smaller one there would be
/// little else.
///
/// # Errors
///
/// If it is no size, or too small.
pub(super) fn file_bytes(typed: &str) -> Result<u64, String> {
    let size = bytes(typed)?;
    if size < FILE_BYTES_MIN { Err("a file has 1M at least".to_owned()) } else { Ok(size) }
}

/// The smallest file that another one may follow.
const FILE_BYTES_MIN: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::file_bytes;

    #[test]
    fn a_file_is_not_all_head() {
        assert_eq!(["1M", "1048576", "2G"].map(file_bytes), [1 << 20, 1 << 20, 2 << 30].map(Ok));
        for wrong in ["0", "16K", "1048575", "x"] {
            assert!(file_bytes(wrong).is_err(), "{wrong}");
        }
    }
}
