//! Copies this machine's `python3` into a guest: the program, its libraries, and the modules that the ready experiments import.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::host::run::output;
use crate::vm::guest::initramfs::Extra;

/// The modules that the service and the log reader import, directly or when they run. One of them is in the directory of shared
/// objects, which python3 looks for.
const MODULES: &str = "argparse, collections, encodings.utf_8, encodings.ascii, encodings.latin_1, gettext, glob, locale, os, \
                       shutil, signal, sys, time, _json";

/// The distribution's own program. In the guest it has the same path, so it finds its modules as it does here.
pub(super) const PROGRAM: &str = "/usr/bin/python3";

/// All files that it needs, with their paths on this machine.
pub(super) fn files() -> Result<Vec<Extra>> {
    let ask = format!(
        "import {MODULES}\nfor m in list(sys.modules.values()):\n    f = getattr(m, '__file__', None)\n    \
         if f: print(f)"
    );
    let said = output(Command::new(PROGRAM).args(["-I", "-c", &ask]))
        .context("reading the files of python3 (Debian's package)")?;
    let mut extras = vec![extra(PROGRAM, true)?];
    for module in said.lines() {
        extras.push(extra(module, false)?);
    }
    let is_binary = |extra: &&Extra| extra.data.starts_with(b"\x7fELF");
    let linked: Vec<Vec<String>> =
        extras.iter().filter(is_binary).map(|binary| linked(&binary.path)).collect::<Result<_>>()?;
    let mut libraries = linked.concat();
    libraries.sort();
    libraries.dedup();
    for library in &libraries {
        extras.push(extra(library, true)?);
    }
    Ok(extras)
}

fn extra(path: &str, is_program: bool) -> Result<Extra> {
    let data = fs::read(path).with_context(|| format!("reading {path}"))?;
    Ok(Extra { path: path.to_owned(), data, is_program })
}

/// The shared libraries of a program, and its loader.
fn linked(binary: &str) -> Result<Vec<String>> {
    let said = output(Command::new("ldd").arg(binary))
        .with_context(|| format!("reading the libraries of {binary}"))?;
    let path = |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(str::to_owned);
    Ok(said.lines().filter_map(path).collect())
}
