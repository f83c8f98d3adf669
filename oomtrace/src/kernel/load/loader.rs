//! aya's loader, without the kernel's BTF.

use std::{fs, hash::RandomState, io};

use aya::EbpfLoader;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A loader that does not hold the kernel's BTF where that can be avoided.
///
/// `EbpfLoader::new` reads and parses all of it, and a caller can only replace it afterwards. On 6.18 (2 cores) that is
/// 12 ms of a start of 61 ms, and 8.5 MiB more at its peak, for CO-RE relocations, of which our object has none. It goes
/// on without if the file cannot be opened; so for this one call no file can be. Everything else of aya, its probing of
/// the kernel's features included, happens in `load`, with the limit as it was.
///
/// # Errors
/// If the limit of open files cannot be put back.
pub(super) fn loader() -> io::Result<EbpfLoader<'static>> {
    // The maps in the loader are seeded from the kernel, once per thread: not in the window.
    let _ = RandomState::new();
    // The limit is the process's: any other thread would be refused its files.
    if !is_single_threaded() {
        return Ok(EbpfLoader::new());
    }
    let Ok(lowered) = Lowered::to_zero(Resource::Nofile) else { return Ok(EbpfLoader::new()) };
    let loader = EbpfLoader::new();
    lowered.restore()?;
    Ok(loader)
}

fn is_single_threaded() -> bool {
    fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() == 1)
}

/// A soft limit at 0 until this is restored or dropped.
struct Lowered {
    resource: Resource,
    before: Option<Rlimit>,
}

impl Lowered {
    fn to_zero(resource: Resource) -> io::Result<Self> {
        let before = getrlimit(resource);
        setrlimit(resource, Rlimit { current: Some(0), maximum: before.maximum })?;
        Ok(Self { resource, before: Some(before) })
    }

    fn restore(mut self) -> io::Result<()> {
        self.put_back()
    }

    fn put_back(&mut self) -> io::Result<()> {
        let Some(before) = self.before.take() else { return Ok(()) };
        // Within the hard limit, which is as it was: no privilege is needed.
        Ok(setrlimit(self.resource, before)?)
    }
}

impl Drop for Lowered {
    fn drop(&mut self) {
        // Only on a way out that is not `restore`, which has an error of its own to tell.
        let _ = self.put_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A limit that no other test of this process runs into.
    const HARMLESS: Resource = Resource::Core;

    #[test]
    fn a_limit_is_zero_until_it_is_put_back() {
        let before = getrlimit(HARMLESS);
        // Something to tell apart from 0, whatever the tests were started with.
        let known = Rlimit { current: before.maximum.or(Some(4096)), maximum: before.maximum };
        setrlimit(HARMLESS, known).unwrap();

        let lowered = Lowered::to_zero(HARMLESS).unwrap();
        assert_eq!(getrlimit(HARMLESS), Rlimit { current: Some(0), maximum: before.maximum });
        lowered.restore().unwrap();
        assert_eq!(getrlimit(HARMLESS), known);

        drop(Lowered::to_zero(HARMLESS).unwrap());
        assert_eq!(getrlimit(HARMLESS), known);
        setrlimit(HARMLESS, before).unwrap();
    }

    #[test]
    fn beside_other_threads_the_limit_stays() {
        let waits = std::thread::scope(|scope| {
            let (end, ended) = std::sync::mpsc::channel::<()>();
            scope.spawn(move || ended.recv());
            let single = is_single_threaded();
            drop(end);
            single
        });
        assert!(!waits);
    }
}
