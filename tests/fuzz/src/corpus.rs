//! The recordings from which inputs are made.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, ensure};
use oomtrace::recording::Reader;

/// Recordings, each as its bytes and as its frames.
pub(crate) struct Corpus {
    pub(crate) recordings: Vec<Recording>,
}

/// One recording.
pub(crate) struct Recording {
    pub(crate) bytes: Vec<u8>,
    pub(crate) frames: Vec<Vec<u8>>,
}

impl Corpus {
    /// Reads the recordings. Each must be complete.
    pub(crate) fn read(paths: &[PathBuf]) -> Result<Self> {
        let recordings = paths
            .iter()
            .map(|path| {
                let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
                Recording::new(bytes).with_context(|| format!("reading {}", path.display()))
            })
            .collect::<Result<Vec<_>>>()?;
        ensure!(!recordings.is_empty(), "no recordings to start from");
        Ok(Self { recordings })
    }

    /// Picks one recording at random.
    pub(crate) fn pick(&self, random: &mut fastrand::Rng) -> (usize, &Recording) {
        static NONE: Recording = Recording { bytes: Vec::new(), frames: Vec::new() };
        let index = random.usize(..self.recordings.len().max(1));
        (index, self.recordings.get(index).unwrap_or(&NONE))
    }
}

impl Recording {
    fn new(bytes: Vec<u8>) -> Result<Self> {
        let mut reader = Reader::new(bytes.as_slice())?;
        let (mut frames, mut frame) = (Vec::new(), Vec::new());
        while reader.next(&mut frame)? {
            frames.push(std::mem::take(&mut frame));
        }
        ensure!(!reader.torn() && !frames.is_empty(), "the recording is incomplete");
        Ok(Self { bytes, frames })
    }
}
