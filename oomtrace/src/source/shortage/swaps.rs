//! Reads `/proc/swaps`: swap devices and files.
//! <https://github.com/torvalds/linux/blob/v6.12/mm/swapfile.c#L2838> (`swap_show`)

use super::lines;
use crate::context::SwapDevice;

/// Maximum number of devices that are kept. The kernel supports no more.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/swap.h#L45> (`MAX_SWAPFILES_SHIFT`)
const MOST: usize = 32;

/// Adds a line. The header line is ignored.
pub(super) fn take_line(swaps: &mut Vec<SwapDevice>, line: &[u8]) {
    if let Some(device) = parse(line).filter(|_| swaps.len() < MOST) {
        swaps.push(device);
    }
}

/// Parses the name, type, size and usage in KiB, and priority.
fn parse(line: &[u8]) -> Option<SwapDevice> {
    let mut fields = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    let name = lines::unescape(fields.next()?).into();
    let mut numbers = fields.skip(1).map(|field| std::str::from_utf8(field).ok());
    let kib = |field: Option<&str>| field?.parse::<u64>().ok()?.checked_mul(1024);
    Some(SwapDevice {
        name,
        size_bytes: kib(numbers.next()?)?,
        used_bytes: kib(numbers.next()?)?,
        priority: numbers.next()??.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::{MOST, take_line};
    use crate::context::SwapDevice;

    fn swaps(text: &[u8]) -> Vec<SwapDevice> {
        let mut swaps = Vec::new();
        text.split(|byte| *byte == b'\n').for_each(|line| take_line(&mut swaps, line));
        swaps
    }

    #[test]
    fn parses_swaps_of_recorded_kernels() {
        for text in [
            &include_bytes!("../../../../tests/procfs/5.10/swaps")[..],
            include_bytes!("../../../../tests/procfs/7.3/swaps"),
        ] {
            let found = swaps(text);
            assert_eq!(
                (found.len(), found[0].name.as_bytes(), found[0].size_bytes),
                (1, &b"/dev/zram0"[..], 8188 << 10)
            );
        }
    }

    #[test]
    fn reads_devices_and_files() {
        let text = b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n\
                     /dev/zram0                              partition\t65532\t\t65276\t\t-2\n\
                     /swap\\040file\\040(deleted)             file\t\t1024\t\t0\t\t5\n\
                     /\xff file 4 0 -3\n";
        let device = |name: &[u8], size_kib: u64, used_kib: u64, priority| SwapDevice {
            name: name.to_vec().into(),
            size_bytes: size_kib << 10,
            used_bytes: used_kib << 10,
            priority,
        };
        let expected = [
            device(b"/dev/zram0", 65532, 65276, -2),
            device(b"/swap file (deleted)", 1024, 0, 5),
            device(b"/\xff", 4, 0, -3),
        ];
        assert_eq!(swaps(text), expected);
    }

    #[test]
    fn ignores_malformed_lines() {
        assert!(swaps(b"Filename\tType\tSize\tUsed\tPriority\n\n/dev/a\n/dev/b partition 1 2\n").is_empty());
        assert!(swaps(b"/dev/a partition 18446744073709551615 2 -1\n/dev/a file 1 \xff 2").is_empty());
        assert_eq!(swaps(&b"/a file 1 1 1\n".repeat(2 * MOST)).len(), MOST);
    }
}
