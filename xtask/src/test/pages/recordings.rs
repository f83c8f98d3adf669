//! The sources of the pages: golden recordings and new kills.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};

use crate::{
    fuzz,
    host::{scratch::Scratch, workspace},
    pictures,
    test::local::{Local, kills::kill_one, tracer::Tracer},
};

/// A name of at most 15 bytes that looks like an element.
pub(super) const MARKUP_COMM: &str = "<b class=x>&amp";

/// A cgroup name that would run a script.
pub(super) const MARKUP_CGROUP: &str = "<img src=x onerror='alert(1)'>&lt;";

/// The recording whose page is in the documentation. Its decision is traced completely.
pub(super) fn documented() -> PathBuf {
    workspace::root().join(pictures::SHOWN)
}

/// The golden recordings with their names, in order.
pub(super) fn kept() -> Result<Vec<(String, PathBuf)>> {
    let named = |path: PathBuf| Some((path.file_stem()?.to_string_lossy().into_owned(), path));
    Ok(fuzz::recordings()?.into_iter().filter_map(named).collect())
}

/// Records kills in a cgroup with this name.
fn recorded(local: &Local, cgroup: &str, kills: usize, extra: &[&str]) -> Result<PathBuf> {
    let scratch = Scratch::new(&local.hierarchy, cgroup.as_bytes(), 4 << 20)?;
    let file = local.program("pages.oomtrace");
    // It may be left from the previous test.
    drop(fs::remove_file(&file));
    let path = file.to_str().context("the scratch directory's path")?;
    let tracer = Tracer::start(local, &["watch", "--format", "json", "--record", path])?;
    for _ in 0..kills {
        kill_one(local, &scratch, extra)?;
    }
    tracer.end("-INT")?;
    Ok(file)
}

pub(super) fn of_kill(local: &Local) -> Result<PathBuf> {
    recorded(local, "oomtrace-test-page", 1, &[])
}

pub(super) fn of_markup(local: &Local) -> Result<PathBuf> {
    recorded(local, MARKUP_CGROUP, 1, &["--comm", MARKUP_COMM])
}

pub(super) fn of_several(local: &Local) -> Result<PathBuf> {
    recorded(local, "oomtrace-test-overview", 12, &[])
}
