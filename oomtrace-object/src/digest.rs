//! SHA-256 digests.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// SHA-256 of bytes, in lowercase hex.
pub(crate) fn of(bytes: &[u8]) -> String {
    hex(Sha256::new().chain_update(bytes))
}

/// SHA-256 over named pieces. The name and the length precede the bytes, so two different lists of pieces never collide.
#[derive(Default)]
pub(crate) struct Pieces(Sha256);

impl Pieces {
    pub(crate) fn add(&mut self, name: &str, bytes: &[u8]) {
        self.0.update(format!("{name} {}\n", bytes.len()));
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> String {
        hex(self.0)
    }
}

fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_sha256_as_hex() {
        assert_eq!(of(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn separates_adjacent_pieces() {
        let digest = |pieces: &[(&str, &[u8])]| {
            let mut all = Pieces::default();
            pieces.iter().for_each(|(name, bytes)| all.add(name, bytes));
            all.finish()
        };
        assert_ne!(digest(&[("a", b"xy"), ("b", b"")]), digest(&[("a", b"x"), ("b", b"y")]));
    }
}
