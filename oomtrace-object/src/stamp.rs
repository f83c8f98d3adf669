//! The stamp beside the objects, and its comparison with inputs, tools and objects.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
};

use crate::{Arch, Error, Inputs, REBUILD, Result, Toolchain, digest};

/// The stamp's file name, beside the objects.
pub const STAMP_FILE: &str = "STAMP";

const HEAD: &str = "\
# What the objects in this directory were built from. `cargo xtask ebpf` writes it, build.rs compares it with the
# sources, and `cargo xtask ebpf --check` rebuilds the objects and compares them byte for byte.
";

/// The stamp of the committed objects: a digest of their inputs, the tools, and a digest of each object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    inputs: String,
    rustc: String,
    linker: String,
    objects: BTreeMap<Arch, String>,
}

impl Stamp {
    /// Creates the stamp of objects that were just built.
    #[must_use]
    pub fn new<'a>(
        inputs: &Inputs,
        toolchain: &Toolchain,
        objects: impl IntoIterator<Item = (Arch, &'a [u8])>,
    ) -> Self {
        Self {
            inputs: inputs.digest().to_owned(),
            rustc: toolchain.rustc().to_owned(),
            linker: toolchain.linker_version(),
            objects: objects.into_iter().map(|(arch, bytes)| (arch, digest::of(bytes))).collect(),
        }
    }

    /// Reads the stamp in a directory of objects. Returns `None` if there is no stamp.
    ///
    /// # Errors
    /// If the stamp cannot be read or lacks one of its lines.
    pub fn read(directory: &Path) -> Result<Option<Self>> {
        let path = directory.join(STAMP_FILE);
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        Self::parse(&path, &text).map(Some)
    }

    fn parse(path: &Path, text: &str) -> Result<Self> {
        let value = |key: String| {
            text.lines()
                .find_map(|line| line.strip_prefix(key.as_str())?.strip_prefix(' '))
                .map(str::to_owned)
                .ok_or_else(|| bad(path, format!("no line `{key}`; `{REBUILD}` writes a new stamp")))
        };
        let object = |arch: Arch| Ok((arch, value(format!("object {arch}"))?));
        Ok(Self {
            inputs: value("inputs".to_owned())?,
            rustc: value("rustc".to_owned())?,
            linker: value("linker".to_owned())?,
            objects: Arch::ALL.into_iter().map(object).collect::<Result<_>>()?,
        })
    }

    /// The compiler that built the objects: version, commit, LLVM, host.
    #[must_use]
    pub fn rustc(&self) -> &str {
        &self.rustc
    }

    /// Whether the objects were built from these inputs.
    #[must_use]
    pub fn is_of(&self, inputs: &Inputs) -> bool {
        self.inputs == inputs.digest()
    }

    /// Whether a rebuild with these tools should give the same bytes.
    #[must_use]
    pub fn is_by(&self, toolchain: &Toolchain) -> bool {
        self.rustc == toolchain.rustc() && self.linker == toolchain.linker_version()
    }

    /// Returns the path of an object in its directory after checking the object's digest against the stamp.
    ///
    /// # Errors
    /// If the object cannot be read, or if its digest differs from the stamp.
    pub fn object(&self, directory: &Path, arch: Arch) -> Result<PathBuf> {
        let path = directory.join(arch.object_file());
        let bytes = fs::read(&path).map_err(Error::file("read", &path))?;
        if self.objects.get(&arch).is_some_and(|stamped| *stamped == digest::of(&bytes)) {
            return Ok(path);
        }
        let reason = format!("not the object that {STAMP_FILE} names; `{REBUILD}` rebuilds both");
        Err(bad(&path, reason))
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEAD)?;
        writeln!(f, "inputs {}\nrustc {}\nlinker {}", self.inputs, self.rustc, self.linker)?;
        self.objects.iter().try_for_each(|(arch, digest)| writeln!(f, "object {arch} {digest}"))
    }
}

fn bad(path: &Path, reason: String) -> Error {
    Error::Stamp { path: path.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(x86_64: &[u8]) -> Stamp {
        let objects = [(Arch::X86_64, digest::of(x86_64)), (Arch::Aarch64, digest::of(b"arm"))];
        Stamp {
            inputs: "12ab".to_owned(),
            rustc: "1.95.0 (59807616e 2026-04-14), LLVM 22.1.2".to_owned(),
            linker: "bpf-linker 0.10.4".to_owned(),
            objects: objects.into(),
        }
    }

    #[test]
    fn reads_its_own_output() {
        let stamp = stamp(b"x86");
        assert_eq!(Stamp::parse(Path::new("STAMP"), &stamp.to_string()).unwrap(), stamp);
    }

    #[test]
    fn reports_the_missing_line() {
        let text = stamp(b"x86").to_string().replace("object aarch64", "object arm");
        let error = Stamp::parse(Path::new("ebpf/STAMP"), &text).unwrap_err().to_string();
        assert_eq!(error, "ebpf/STAMP: no line `object aarch64`; `cargo xtask ebpf` writes a new stamp");
    }

    #[test]
    fn rejects_an_object_that_differs_from_the_stamp() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(Arch::X86_64.object_file());
        fs::write(&path, b"x86").unwrap();
        assert_eq!(stamp(b"x86").object(directory.path(), Arch::X86_64).unwrap(), path);
        let error = stamp(b"y86").object(directory.path(), Arch::X86_64).unwrap_err();
        assert!(error.to_string().contains("oomtrace-x86_64.o: not the object"), "{error}");
    }

    #[test]
    fn returns_none_without_a_stamp() {
        assert_eq!(Stamp::read(tempfile::tempdir().unwrap().path()).unwrap(), None);
    }
}
