//! Swap on zram: compressed pages in the guest's own memory.

use std::ffi::CString;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};

const DEVICE: &str = "/dev/zram0";
const SETTINGS: &str = "/sys/block/zram0";
/// The only compressor that every kernel has without another module.
const COMPRESSOR: &str = "deflate";
/// The offset of the information in the swap header, after the place of the boot sector (`union swap_header`,
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/swap.h#L114>).
const INFO_AT: usize = 1024;
const MAGIC: &[u8] = b"SWAPSPACE2";

/// Set up this much swap; none for 0.
pub(crate) fn set_up(mib: u32) -> Result<()> {
    if mib == 0 {
        return Ok(());
    }
    let bytes = u64::from(mib) << 20;
    // The compressor can be chosen only before the device has a size.
    for (file, value) in [("comp_algorithm", COMPRESSOR.to_owned()), ("disksize", bytes.to_string())] {
        let path = Path::new(SETTINGS).join(file);
        fs::write(&path, &value).with_context(|| format!("writing {value} to {}", path.display()))?;
    }
    let page_bytes = rustix::param::page_size();
    write_header(bytes / u64::try_from(page_bytes)?, page_bytes)
        .with_context(|| format!("writing the swap header of {DEVICE}"))?;
    switch_on()
}

/// Write the same header as `mkswap`.
fn write_header(pages: u64, page_bytes: usize) -> Result<()> {
    OpenOptions::new().write(true).open(DEVICE)?.write_all_at(&header(pages, page_bytes)?, 0)?;
    Ok(())
}

/// The first page of an area: version, last page and number of bad pages, and the magic word at its end.
fn header(pages: u64, page_bytes: usize) -> Result<Vec<u8>> {
    let last_page = u32::try_from(pages.saturating_sub(1))?;
    let info: Vec<u8> = [1, last_page, 0].into_iter().flat_map(u32::to_le_bytes).collect();
    let mut page = vec![0; page_bytes];
    for (at, bytes) in [(INFO_AT, info.as_slice()), (page_bytes - MAGIC.len(), MAGIC)] {
        let place = page.get_mut(at..at + bytes.len()).context("a page has room for the header")?;
        place.copy_from_slice(bytes);
    }
    Ok(page)
}

fn switch_on() -> Result<()> {
    let path = CString::new(DEVICE)?;
    // SAFETY: the path is a string with a zero at its end, and the kernel only reads it.
    let result = unsafe { libc::swapon(path.as_ptr(), 0) };
    ensure!(result == 0, "switching swap on {DEVICE}: {}", std::io::Error::last_os_error());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::header;

    #[test]
    fn header_contains_the_last_page() {
        let page = header(4096, 16384).unwrap();
        assert_eq!(page.len(), 16384);
        assert_eq!(page[1024..1036], [1, 0, 0, 0, 0xff, 0x0f, 0, 0, 0, 0, 0, 0]);
        assert!(page.ends_with(b"SWAPSPACE2"));
    }
}
