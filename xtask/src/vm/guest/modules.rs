//! Kernel modules for a guest, from the cached kernel's directory.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use object::{Object as _, ObjectSection as _};
use oomtrace_scenarios::scenario::Machine;

use crate::kernels::Kernel;

/// A module, uncompressed.
pub(in crate::vm) struct Module {
    /// Its name, with underscores.
    pub(in crate::vm) name: String,
    /// The content of the file.
    pub(in crate::vm) data: Vec<u8>,
}

/// The modules that a machine needs on a kernel, each after those that it depends on.
pub(in crate::vm) fn of_machine(kernel: &Kernel, machine: &Machine) -> Result<Vec<Module>> {
    let wanted = (machine.swap_mib > 0).then_some("zram");
    let Some(wanted) = wanted else { return Ok(Vec::new()) };
    let directory = kernel.modules.as_deref();
    let directory = directory.with_context(|| format!("kernel {} came without modules", kernel.release))?;
    load(directory, &[wanted]).with_context(|| format!("collecting modules of kernel {}", kernel.release))
}

fn load(directory: &Path, wanted: &[&str]) -> Result<Vec<Module>> {
    let mut files = BTreeMap::new();
    find(directory, &mut files)?;
    let mut modules = Vec::new();
    for name in wanted {
        add(name, &files, &mut modules)?;
    }
    Ok(modules)
}

/// Finds the module files below a directory by name.
fn find(directory: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| format!("reading {}", directory.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else if let Some(name) = name(&path) {
            files.insert(name, path);
        }
    }
    Ok(())
}

/// The name of a module in a file. Files may have dashes where the kernel has underscores.
fn name(path: &Path) -> Option<String> {
    let (name, rest) = path.file_name()?.to_str()?.split_once(".ko")?;
    (rest.is_empty() || rest.starts_with('.')).then(|| name.replace('-', "_"))
}

/// Add a module after those that it depends on, unless it was already added.
fn add(name: &str, files: &BTreeMap<String, PathBuf>, modules: &mut Vec<Module>) -> Result<()> {
    let name = name.replace('-', "_");
    if modules.iter().any(|module| module.name == name) {
        return Ok(());
    }
    let path = files.get(&name).with_context(|| format!("no module {name}"))?;
    let data = read(path)?;
    for other in depends(&data).with_context(|| format!("reading {}", path.display()))? {
        add(&other, files, modules)?;
    }
    modules.push(Module { name, data });
    Ok(())
}

/// A module's file, uncompressed.
fn read(path: &Path) -> Result<Vec<u8>> {
    let file = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("ko") => Ok(file),
        Some("xz") => {
            let mut data = Vec::new();
            let mut reader = lzma_rust2::XzReader::new(file.as_slice(), false);
            reader.read_to_end(&mut data).with_context(|| format!("unpacking {}", path.display()))?;
            Ok(data)
        }
        _ => bail!("{} is compressed in an unknown way", path.display()),
    }
}

/// The names after `depends=` in a module's section of strings, `.modinfo`.
fn depends(data: &[u8]) -> Result<Vec<String>> {
    let module = object::File::parse(data)?;
    let section = module.section_by_name(".modinfo").context("the module has no section .modinfo")?;
    let strings = section.data()?.split(|&byte| byte == 0);
    let listed = strings.filter_map(|string| string.strip_prefix(b"depends=")).next().unwrap_or_default();
    let names = std::str::from_utf8(listed)?.split(',').filter(|name| !name.is_empty());
    Ok(names.map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_of_module_files() {
        let name = |file: &str| name(Path::new(file));
        assert_eq!(name("/m/zram.ko.xz").as_deref(), Some("zram"));
        assert_eq!(name("/m/lzo-rle.ko").as_deref(), Some("lzo_rle"));
        assert_eq!([name("/m/modules.order"), name("/m/a.kode")], [None, None]);
    }

    #[test]
    fn reports_missing_and_unreadable_modules() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("other.ko.zst"), "").unwrap();
        fs::write(directory.path().join("plain.ko"), "no ELF").unwrap();
        let error = |name: &str| format!("{:#}", load(directory.path(), &[name]).err().unwrap());
        assert!(error("zram").contains("no module zram"));
        assert!(error("other").contains("compressed in an unknown way"));
        assert!(error("plain").contains("plain.ko"));
    }
}
