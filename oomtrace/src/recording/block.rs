//! Memory in aligned blocks, as direct I/O requires.

use zerocopy::{FromZeros as _, IntoBytes as _};

/// The unit of writes: the block size of all common file systems, and a multiple of every disk's sector.
pub const BLOCK_BYTES: usize = 4096;

/// A block at an address that is a multiple of its size.
#[repr(C, align(4096))]
#[derive(
    Clone, Copy, zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout,
)]
struct Block([u8; BLOCK_BYTES]);

/// A buffer of whole blocks, allocated once.
pub struct Blocks(Vec<Block>);

impl Blocks {
    /// Allocates this many blocks, at least one.
    #[must_use]
    pub fn new(blocks: usize) -> Self {
        Self(vec![Block::new_zeroed(); blocks.max(1)])
    }

    /// Copies as many bytes as fit, pads the last block with zeros, and returns the blocks and the remaining bytes.
    pub fn fill<'a>(&mut self, bytes: &'a [u8]) -> (&[u8], &'a [u8]) {
        let room = self.0.len() * BLOCK_BYTES;
        let (now, rest) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        let whole = now.len().next_multiple_of(BLOCK_BYTES);
        let buffer = self.0.as_mut_slice().as_mut_bytes();
        if let Some(to) = buffer.get_mut(..now.len()) {
            to.copy_from_slice(now);
        }
        if let Some(padding) = buffer.get_mut(now.len()..whole) {
            padding.fill(0);
        }
        (buffer.get(..whole).unwrap_or_default(), rest)
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK_BYTES, Blocks};

    #[test]
    fn blocks_are_whole_aligned_and_zero_padded() {
        let mut blocks = Blocks::new(2);
        let bytes = vec![7; 3 * BLOCK_BYTES + 1];
        let (first, rest) = blocks.fill(&bytes);
        assert_eq!((first.len(), first.as_ptr().addr() % BLOCK_BYTES), (2 * BLOCK_BYTES, 0));
        let (second, rest) = blocks.fill(rest);
        assert_eq!((second.len(), rest.len()), (2 * BLOCK_BYTES, 0));
        assert_eq!(second[BLOCK_BYTES], 7);
        assert!(second[BLOCK_BYTES + 1..].iter().all(|byte| *byte == 0));
        assert_eq!(blocks.fill(&[]).0.len(), 0);
    }
}
