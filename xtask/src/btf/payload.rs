//! Decompresses a kernel. Its first bytes show the method.

use std::io::Read as _;

use anyhow::{Context as _, Result, bail};

/// The limit of the decompressed size. A kernel has about 60 MB, so a much larger one is broken.
const MOST_BYTES: u64 = 1 << 30;
/// The uncompressed size of one block in LZ4's legacy frame format.
const LZ4_BLOCK_BYTES: usize = 8 << 20;
/// The image's own field with the uncompressed length, after the compressed data of all methods except gzip.
const TRAILER_BYTES: usize = 4;

/// The kernel in a bzImage's payload.
pub(super) fn decompress(payload: &[u8]) -> Result<Vec<u8>> {
    match payload {
        [0x02, 0x21, 0x4c, 0x18, blocks @ ..] => lz4(blocks),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => read("zstd", ruzstd::decoding::StreamingDecoder::new(payload)?),
        [0x1f, 0x8b, ..] => read("gzip", flate2::read::GzDecoder::new(payload)),
        [0xfd, b'7', b'z', b'X', b'Z', 0x00, ..] => read("xz", lzma_rust2::XzReader::new(payload, false)),
        _ => bail!("compressed by a method other than lz4, zstd, gzip and xz"),
    }
}

fn read(method: &str, reader: impl std::io::Read) -> Result<Vec<u8>> {
    let mut kernel = Vec::new();
    reader
        .take(MOST_BYTES)
        .read_to_end(&mut kernel)
        .with_context(|| format!("the {method} data is broken"))?;
    Ok(kernel)
}

/// Decompresses LZ4's legacy frame format, which the kernel uses: blocks, each after its length.
fn lz4(mut blocks: &[u8]) -> Result<Vec<u8>> {
    let mut kernel = Vec::new();
    while blocks.len() > TRAILER_BYTES {
        let (len, rest) = blocks.split_first_chunk::<4>().context("an lz4 block is cut short")?;
        let len = usize::try_from(u32::from_le_bytes(*len))?;
        let (block, rest) = rest.split_at_checked(len).context("an lz4 block is cut short")?;
        kernel.extend(lz4_flex::block::decompress(block, LZ4_BLOCK_BYTES).context("the lz4 data is broken")?);
        blocks = rest;
    }
    Ok(kernel)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"hello kernel hello kernel hello kernel";

    #[test]
    fn decompresses_lz4_as_the_kernel_writes_it() {
        let mut payload = vec![0x02, 0x21, 0x4c, 0x18];
        for _ in 0..2 {
            let block = lz4_flex::block::compress(TEXT);
            payload.extend(u32::try_from(block.len()).unwrap().to_le_bytes());
            payload.extend(block);
        }
        payload.extend([76, 0, 0, 0]);
        assert_eq!(decompress(&payload).unwrap(), TEXT.repeat(2));
    }

    #[test]
    fn decompresses_zstd_with_the_trailer_of_the_image() {
        let payload = [
            0x28, 0xb5, 0x2f, 0xfd, 0x24, 0x26, 0x9d, 0x00, 0x00, 0x68, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x20,
            0x6b, 0x65, 0x72, 0x6e, 0x65, 0x6c, 0x20, 0x01, 0x00, 0xb0, 0xcc, 0x2f, 0xc2, 0x02, 0x24, 0xc5,
            38, 0, 0, 0,
        ];
        assert_eq!(decompress(&payload).unwrap(), TEXT);
    }

    #[test]
    fn decompresses_xz_with_the_x86_filter() {
        let payload = [
            0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x01, 0x69, 0x22, 0xde, 0x36, 0x02, 0x01, 0x04, 0x00,
            0x21, 0x01, 0x16, 0x00, 0x0d, 0x86, 0x35, 0x1f, 0xe0, 0x00, 0x25, 0x00, 0x13, 0x5d, 0x00, 0x34,
            0x19, 0x49, 0xee, 0x8d, 0xe9, 0x14, 0x41, 0x3b, 0xdc, 0x24, 0xe4, 0xa2, 0xed, 0xfc, 0x3c, 0xb2,
            0x40, 0x00, 0x00, 0x00, 0x18, 0xd6, 0xb0, 0x32, 0x00, 0x01, 0x2b, 0x26, 0xbf, 0xcd, 0xfb, 0x84,
            0x90, 0x42, 0x99, 0x0d, 0x01, 0x00, 0x00, 0x00, 0x00, 0x01, 0x59, 0x5a, 38, 0, 0, 0,
        ];
        assert_eq!(decompress(&payload).unwrap(), TEXT);
    }

    #[test]
    fn decompresses_gzip() {
        let payload = [
            0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57,
            0xc8, 0x4e, 0x2d, 0xca, 0x4b, 0xcd, 0x51, 0xc8, 0xc0, 0xc5, 0x01, 0x00, 0x18, 0xd6, 0xb0, 0x32,
            0x26, 0x00, 0x00, 0x00,
        ];
        assert_eq!(decompress(&payload).unwrap(), TEXT);
    }

    #[test]
    fn reports_broken_and_unknown_data() {
        let error = |payload: &[u8]| decompress(payload).unwrap_err().to_string();
        assert!(error(b"BZh9").contains("a method other than"));
        assert!(error(&[0x02, 0x21, 0x4c, 0x18, 9, 0, 0, 0, 1]).contains("lz4 block is cut short"));
    }
}
