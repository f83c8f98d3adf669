//! Creates aya's loader without the kernel's BTF.

use std::{fs, hash::RandomState, io};

use aya::EbpfLoader;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A loader that avoids loading the kernel's BTF, if possible.
///
/// `EbpfLoader::new` reads and parses all of the BTF, and a caller can only replace it afterwards. On 6.18 (2 cores) that takes
/// 12 ms of a start of 61 ms, and 8.5 MiB more at its peak. It is for CO-RE relocations, which the object does not have.
/// `EbpfLoader::new` continues without BTF if the file cannot be opened, so this function sets the limit of open files to 0 for
/// that one call. aya does everything else in `load`, with the original limit, including its probes of the kernel's features.
///
/// # Errors
/// If the limit of open files cannot be restored.
pub(super) fn loader() -> io::Result<EbpfLoader<'static>> {
    // The maps in the loader get a seed from the kernel, once per thread. This must not happen while the limit is 0.
    let _ = RandomState::new();
    // The limit belongs to the process, so other threads could not open files either.
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

/// A soft limit that is 0 until this is restored or dropped.
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
        // The value is within the hard limit, which has not changed, so no privilege is needed.
        Ok(setrlimit(self.resource, before)?)
    }
}

impl Drop for Lowered {
    fn drop(&mut self) {
        // This is for exits other than `restore`, and they report an error of their own.
        let _ = self.put_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A limit that no other test in this process needs.
    const HARMLESS: Resource = Resource::Core;

    #[test]
    fn limit_is_zero_until_restored() {
        let before = getrlimit(HARMLESS);
        // A value other than 0, whatever limits the tests were started with.
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
    fn keeps_the_limit_if_there_are_other_threads() {
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
