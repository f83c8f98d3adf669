//! The built-in hog: allocates memory of one kind at a given rate.

mod mapping;

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use rustix::{
    fs::{MemfdFlags, memfd_create},
    mm::MapFlags,
};

use self::mapping::Mapping;
use crate::experiment::plan::{Hog, Shape};

/// The smallest page size. Touching memory at this distance touches every page.
const PAGE_BYTES: usize = 4096;

/// Bytes that a full page table maps (x86-64 and arm64 with 4 KiB pages).
const TABLE_SPAN_BYTES: usize = 2 << 20;

/// The allocated memory. Mappings stay without an owner, but processes and files must be kept.
#[derive(Default)]
pub(super) struct Held {
    _children: Vec<Child>,
    _file: Option<File>,
}

/// Allocates the memory.
pub(super) fn take(hog: &Hog, name: &str) -> Result<Held> {
    let bytes = usize::try_from(hog.bytes).context("a size beyond the address space")?;
    let pace = Pace::new(hog.rate);
    match hog.shape {
        Shape::Anon => grow(Mapping::anonymous(bytes, MapFlags::PRIVATE)?, &pace),
        Shape::Shmem => grow(Mapping::anonymous(bytes, MapFlags::SHARED)?, &pace),
        Shape::File => grow(Mapping::of_file(unnamed_file(hog.bytes)?, bytes)?, &pace),
        Shape::PageTables => page_tables(bytes, &pace)?,
        Shape::Threads => threads(hog, bytes)?,
        Shape::Tmpfs => return written(bytes, &pace),
        Shape::Forks => return forks(hog, name, &pace),
    }
    Ok(Held::default())
}

fn grow(mapping: Mapping, pace: &Pace) {
    for offset in (0..mapping.len()).step_by(PAGE_BYTES) {
        pace.wait(offset);
        mapping.write(offset);
    }
}

/// Creates a file without a name. It is removed when the last process closes it.
fn unnamed_file(bytes: u64) -> Result<File> {
    let file = tempfile_in(Path::new("/var/tmp")).or_else(|_| tempfile_in(Path::new("/tmp")))?;
    file.set_len(bytes).context("sizing the hog's file")?;
    Ok(file)
}

fn tempfile_in(directory: &Path) -> Result<File> {
    let path = directory.join(format!(".oomtrace-hog-{}", std::process::id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path);
    let file = file.with_context(|| format!("making {}", path.display()))?;
    std::fs::remove_file(&path).with_context(|| format!("unlinking {}", path.display()))?;
    Ok(file)
}

/// Creates the requested number of page tables. All of them refer to the zero page.
fn page_tables(bytes: usize, pace: &Pace) -> Result<()> {
    let tables = bytes / PAGE_BYTES;
    let mapping = Mapping::anonymous(tables.saturating_mul(TABLE_SPAN_BYTES), MapFlags::PRIVATE)?;
    mapping.small_pages()?;
    for table in 0..tables {
        pace.wait(table * PAGE_BYTES);
        mapping.read(table * TABLE_SPAN_BYTES);
    }
    Ok(())
}

fn threads(hog: &Hog, bytes: usize) -> Result<()> {
    let count = usize::try_from(hog.count).unwrap_or(1);
    let (done, all) = mpsc::channel();
    for _ in 0..count {
        let mapping = Mapping::anonymous(bytes / count, MapFlags::PRIVATE)?;
        let (done, rate) = (done.clone(), hog.rate.map(|rate| rate / u64::from(hog.count)));
        thread::spawn(move || {
            grow(mapping, &Pace::new(rate));
            // The process that waits for this one lives as long as it does.
            let _ = done.send(());
        });
    }
    drop(done);
    all.into_iter().for_each(drop);
    Ok(())
}

fn written(bytes: usize, pace: &Pace) -> Result<Held> {
    let mut file =
        File::from(memfd_create("oomtrace-hog", MemfdFlags::CLOEXEC).context("making a file on tmpfs")?);
    let page = [1; PAGE_BYTES];
    for offset in (0..bytes).step_by(PAGE_BYTES) {
        pace.wait(offset);
        file.write_all(&page).context("writing to tmpfs")?;
    }
    Ok(Held { _children: Vec::new(), _file: Some(file) })
}

/// Starts processes that each hold a part, one after the other at the hog's rate.
fn forks(hog: &Hog, name: &str, pace: &Pace) -> Result<Held> {
    let part = hog.bytes / u64::from(hog.count);
    let mut children = Vec::new();
    for number in 0..hog.count {
        pace.wait(usize::try_from(part * u64::from(number)).unwrap_or(usize::MAX));
        let child = Command::new("/proc/self/exe")
            .args([
                "experiment-process",
                "--name",
                name,
                "--hog",
                "anon",
                "--hold",
                "--size",
                &part.to_string(),
            ])
            .stdout(Stdio::null())
            .spawn();
        children.push(child.context("forking")?);
    }
    Ok(Held { _children: children, _file: None })
}

/// The rate of the allocation.
struct Pace {
    begun: Instant,
    rate: Option<u64>,
}

impl Pace {
    fn new(rate: Option<u64>) -> Self {
        Self { begun: Instant::now(), rate }
    }

    /// Returns when this many bytes may have been allocated. Checks the clock every 64 pages.
    fn wait(&self, bytes: usize) {
        let Some(rate) = self.rate.filter(|_| bytes.is_multiple_of(64 * PAGE_BYTES)) else { return };
        let micros = u128::try_from(bytes).unwrap_or(u128::MAX).saturating_mul(1_000_000) / u128::from(rate);
        let due = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        thread::sleep(due.saturating_sub(self.begun.elapsed()));
    }
}
