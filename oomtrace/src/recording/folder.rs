//! A folder of recordings, each named by when it was begun.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// What a recording's name in a folder ends in.
pub const EXTENSION: &str = "oomtrace";

/// The recordings in a folder, by name: those that the recorder made oldest first. What has such a name and is no file, such as
/// a folder, or a pipe that would have to be waited for, is none.
///
/// # Errors
///
/// If the folder cannot be read.
pub fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let named = path.extension().is_some_and(|extension| extension == EXTENSION);
        // What cannot be looked at is a file until it cannot be opened, which is told.
        if named && fs::metadata(&path).map_or(true, |metadata| metadata.is_file()) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::net::UnixListener};

    use super::files;

    #[test]
    fn what_is_no_file_is_no_recording() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("2.oomtrace"), "").unwrap();
        fs::write(path("1.oomtrace"), "").unwrap();
        fs::write(path("notes.txt"), "").unwrap();
        fs::create_dir(path("3.oomtrace")).unwrap();
        let _socket = UnixListener::bind(path("4.oomtrace")).unwrap();
        assert_eq!(files(folder.path()).unwrap(), [path("1.oomtrace"), path("2.oomtrace")]);
    }
}
