//! The inputs of the objects: everything in the repository that decides their bytes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{Error, Result, digest::Pieces, lock, recipe};

/// The crates that the object is compiled from.
const CRATES: [&str; 2] = ["oomtrace-common", "oomtrace-ebpf"];

/// The lines of the workspace's Cargo.toml that those crates inherit, by their beginnings.
const INHERITED: [&str; 4] = ["edition", "aya-ebpf", "aya-build", "oomtrace-common"];

/// Everything in the repository that decides the object's bytes: the sources and manifests of the two crates, the lines that
/// they inherit from the workspace, their part of Cargo.lock, and the build recipe.
#[derive(Clone, Debug)]
pub struct Inputs {
    digest: String,
    watched: Vec<PathBuf>,
}

impl Inputs {
    /// Reads the inputs below the workspace's directory. Returns `None` if the eBPF sources are missing, as in a package of the
    /// `oomtrace` crate alone.
    ///
    /// # Errors
    /// If one of the inputs cannot be read, or if Cargo.lock does not contain the eBPF crate.
    pub fn read(workspace: &Path) -> Result<Option<Self>> {
        if !workspace.join("oomtrace-ebpf/Cargo.toml").is_file() {
            return Ok(None);
        }
        let mut pieces = Pieces::default();
        pieces.add("recipe", recipe::text().as_bytes());
        for path in
            CRATES.iter().map(|name| crate_files(workspace, name)).collect::<Result<Vec<_>>>()?.concat()
        {
            pieces.add(&name_in(workspace, &path), &read(&path)?);
        }
        pieces.add("Cargo.toml", inherited(workspace)?.as_bytes());
        let path = workspace.join("Cargo.lock");
        let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        pieces.add("Cargo.lock", lock::relevant(&path, &text)?.as_bytes());
        Ok(Some(Self { digest: pieces.finish(), watched: watched(workspace) }))
    }

    /// SHA-256 over all inputs, in hex.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Files and directories that can change the digest, for `cargo::rerun-if-changed`.
    #[must_use]
    pub fn watched(&self) -> &[PathBuf] {
        &self.watched
    }
}

fn watched(workspace: &Path) -> Vec<PathBuf> {
    let of_crate =
        |name: &&str| ["Cargo.toml", "build.rs", "src"].map(|part| workspace.join(name).join(part));
    let files = ["Cargo.toml", "Cargo.lock"].map(|name| workspace.join(name));
    CRATES.iter().flat_map(of_crate).chain(files).filter(|path| path.exists()).collect()
}

/// A crate's manifest, build script and Rust sources, sorted by path.
fn crate_files(workspace: &Path, name: &str) -> Result<Vec<PathBuf>> {
    let directory = workspace.join(name);
    let build_script = directory.join("build.rs");
    let mut files = vec![directory.join("Cargo.toml")];
    files.extend(build_script.is_file().then_some(build_script));
    rust_files(&directory.join("src"), &mut files)?;
    files.sort_by_key(|path| name_in(workspace, path));
    Ok(files)
}

fn rust_files(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory).map_err(Error::file("list", directory))? {
        let path = entry.map_err(Error::file("list", directory))?.path();
        if path.is_dir() {
            rust_files(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The lines of the workspace's Cargo.toml that the crates inherit. An edit elsewhere in that file changes no object.
fn inherited(workspace: &Path) -> Result<String> {
    let path = workspace.join("Cargo.toml");
    let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
    let is_inherited =
        |line: &&str| line.split_once('=').is_some_and(|(key, _)| INHERITED.contains(&key.trim()));
    Ok(text.lines().filter(is_inherited).collect::<Vec<_>>().join("\n"))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(Error::file("read", path))
}

/// The path relative to the workspace, so that the digest does not depend on the workspace's location.
fn name_in(workspace: &Path, path: &Path) -> String {
    path.strip_prefix(workspace).unwrap_or(path).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "[[package]]\nname = \"oomtrace-ebpf\"\nversion = \"0.1.0\"\n";

    fn workspace() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for name in CRATES {
            let src = directory.path().join(name).join("src/hook");
            fs::create_dir_all(&src).unwrap();
            fs::write(src.join("mark_victim.rs"), "fn it() {}").unwrap();
            fs::write(directory.path().join(name).join("Cargo.toml"), "[package]").unwrap();
        }
        fs::write(directory.path().join("Cargo.toml"), "edition = \"2024\"\nclap = \"4\"\n").unwrap();
        fs::write(directory.path().join("Cargo.lock"), LOCK).unwrap();
        directory
    }

    fn digest(directory: &Path) -> String {
        Inputs::read(directory).unwrap().unwrap().digest().to_owned()
    }

    fn assert_changes(expected: bool, change: impl FnOnce(&Path)) {
        let directory = workspace();
        let before = digest(directory.path());
        change(directory.path());
        assert_eq!(digest(directory.path()) != before, expected);
    }

    #[test]
    fn digest_does_not_depend_on_the_directory() {
        assert_eq!(digest(workspace().path()), digest(workspace().path()));
    }

    #[test]
    fn each_input_changes_the_digest() {
        let write = |path: &'static str, text: &'static str| {
            move |directory: &Path| fs::write(directory.join(path), text).unwrap()
        };
        assert_changes(true, write("oomtrace-ebpf/src/hook/mark_victim.rs", "fn it() { }"));
        assert_changes(true, write("oomtrace-common/src/hook/mark_victim.rs", "fn it() { }"));
        assert_changes(true, write("oomtrace-ebpf/src/added.rs", ""));
        assert_changes(true, write("oomtrace-ebpf/build.rs", "fn main() {}"));
        assert_changes(true, write("oomtrace-common/Cargo.toml", "[package]\n"));
        assert_changes(true, write("Cargo.toml", "edition = \"2027\"\nclap = \"4\"\n"));
        assert_changes(
            true,
            write("Cargo.lock", "[[package]]\nname = \"oomtrace-ebpf\"\nversion = \"0.2.0\"\n"),
        );
        assert_changes(true, |directory| {
            let src = directory.join("oomtrace-ebpf/src");
            fs::rename(src.join("hook/mark_victim.rs"), src.join("mark_victim.rs")).unwrap();
        });
    }

    #[test]
    fn other_files_do_not_change_the_digest() {
        let write =
            |path: &'static str| move |directory: &Path| fs::write(directory.join(path), "x").unwrap();
        assert_changes(false, write("oomtrace-ebpf/src/.main.rs.swp"));
        assert_changes(false, write("oomtrace-ebpf/README.md"));
        assert_changes(false, |directory| {
            fs::write(directory.join("Cargo.toml"), "edition = \"2024\"\nclap = \"5\"\n").unwrap();
        });
    }

    #[test]
    fn returns_none_without_ebpf_sources() {
        assert!(Inputs::read(tempfile::tempdir().unwrap().path()).unwrap().is_none());
    }
}
