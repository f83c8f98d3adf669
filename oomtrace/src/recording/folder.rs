//! A folder of recordings, each named by when it was begun.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// What a recording's name in a folder ends in.
pub const EXTENSION: &str = "oomtrace";

/// The recordings in a folder, oldest first.
///
/// # Errors
///
/// If the folder cannot be read.
pub fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
