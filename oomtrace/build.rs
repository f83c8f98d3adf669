//! Chooses the eBPF object that is embedded, and tells the crate its path in `OOMTRACE_EBPF_OBJECT`.
//!
//! The committed object in `ebpf/` is taken when its stamp matches the sources, or when there are no sources beside
//! this crate. When the sources have changed, the object is built from them, if the tools are there; if not, the
//! build fails with the one command that helps. See `oomtrace-object`, which `cargo xtask ebpf` uses too.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use oomtrace_object::{Arch, Inputs, REBUILD, Stamp, Toolchain, compile};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match choose() {
        Ok(path) => {
            println!("cargo::rustc-env=OOMTRACE_EBPF_OBJECT={}", path.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("cargo::error={}", in_full(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn choose() -> Result<PathBuf> {
    let crate_directory = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let arch_name = env::var("CARGO_CFG_TARGET_ARCH")?;
    let arch = Arch::from_name(&arch_name)
        .ok_or_else(|| format!("there is no eBPF object for {arch_name}, only for x86_64 and aarch64"))?;
    let objects = crate_directory.join("ebpf");
    let workspace = crate_directory.parent().unwrap_or(&crate_directory);
    watch(&objects);
    let inputs = Inputs::read(workspace)?;
    inputs.iter().flat_map(Inputs::watched).for_each(|path| watch(path));
    let stamp = Stamp::read(&objects)?;
    match (stamp, inputs) {
        (Some(stamp), Some(inputs)) if stamp.is_of(&inputs) => Ok(stamp.object(&objects, arch)?),
        // A package of this crate alone: the stamp says which bytes were tested and published.
        (Some(stamp), None) => Ok(stamp.object(&objects, arch)?),
        (_, Some(_)) => from_source(workspace, arch),
        (None, None) => Err(format!("{} holds no eBPF objects", objects.display()).into()),
    }
}

fn from_source(workspace: &Path, arch: Arch) -> Result<PathBuf> {
    let toolchain = Toolchain::find(workspace).map_err(|error| {
        format!(
            "the eBPF sources have changed since the committed object was built: run `{REBUILD}` ({error})"
        )
    })?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let object = compile(workspace, &toolchain, arch, &out.join("ebpf"))?;
    let path = out.join(arch.object_file());
    fs::write(&path, object)?;
    Ok(path)
}

fn watch(path: &Path) {
    println!("cargo::rerun-if-changed={}", path.display());
}

/// The error and its causes in one line: cargo shows an error of one line whole.
fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
