//! The pages of this program's own code that are in memory.
//!
//! The start runs code that tracing never runs again, and the kernel maps up to 2 MiB of a file at a time. Pages that were mapped before
//! they are locked stay in memory. So they are given back first, and the kernel maps what is used from then on.

use std::{ffi::c_void, fs, ptr};

use rustix::mm::{Advice, madvise};

/// Code and constants of the program or of a library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mapping {
    start: usize,
    end: usize,
}

/// Gives the pages of code and constants back to the kernel. Each returns when it is used. If the kernel does not list them, they stay.
pub fn shed_code() {
    let Ok(smaps) = fs::read_to_string("/proc/self/smaps") else { return };
    for mapping in unwritten(&smaps) {
        let start: *mut c_void = ptr::with_exposed_provenance_mut(mapping.start);
        let length = mapping.end.saturating_sub(mapping.start);
        for advice in [Advice::LinuxNoHugepage, Advice::LinuxDontNeed] {
            // SAFETY: each page of these mappings is a page of a file, and this process may not write to any of them. The kernel
            // reads them from the file again. If it refuses, nothing changes.
            let _ = unsafe { madvise(start, length, advice) };
        }
    }
}

/// Lists the private mappings of files that are read-only and without written pages. Relocated constants have written pages.
fn unwritten(smaps: &str) -> Vec<Mapping> {
    let (mut found, mut last) = (Vec::new(), None);
    for line in smaps.lines() {
        if let Some(kib) = line.strip_prefix("Anonymous:") {
            found.extend(last.take().filter(|_| kib.trim() == "0 kB"));
        } else if !line.split(' ').next().is_some_and(|word| word.ends_with(':')) {
            last = read_only(line);
        }
    }
    found
}

/// Parses the first line of a mapping. Returns `None` unless it is a private read-only or executable mapping of a file.
fn read_only(line: &str) -> Option<Mapping> {
    let mut words = line.split_ascii_whitespace();
    let (range, access, path) = (words.next()?, words.next()?, words.nth(3)?);
    if !["r--p", "r-xp"].contains(&access) || !path.starts_with('/') {
        return None;
    }
    let (start, end) = range.split_once('-')?;
    let address = |hex| usize::from_str_radix(hex, 16).ok();
    Some(Mapping { start: address(start)?, end: address(end)? })
}

#[cfg(test)]
mod tests {
    use super::{Mapping, shed_code, unwritten};

    #[test]
    fn skips_written_shared_and_anonymous_mappings() {
        let smaps = "\
7f22bba00000-7f22bba27000 r--p 00000000 fe:00 12 /usr/bin/oom trace
Size:                156 kB
Anonymous:             0 kB
VmFlags: rd mr mw me
7f22bba27000-7f22bbf35000 r-xp 00027000 fe:00 12 /usr/bin/oom trace
Anonymous:             0 kB
7f22bc047000-7f22bc062000 r--p 00647000 fe:00 12 /usr/bin/oom trace
Anonymous:           108 kB
7f22bc062000-7f22bc066000 rw-p 00662000 fe:00 12 /usr/bin/oom trace
Anonymous:             0 kB
7f578edfe000-7f578efff000 r--s 00001000 00:0e 7 /anon_inode:bpf-map
Anonymous:             0 kB
7f578f94e000-7f578f950000 r-xp 00000000 00:00 0 [vdso]
Anonymous:             0 kB
7f578f200000-7f578f227000 r--p 00000000 00:00 0
Anonymous:             0 kB
";
        let found = [
            Mapping { start: 0x7f22_bba0_0000, end: 0x7f22_bba2_7000 },
            Mapping { start: 0x7f22_bba2_7000, end: 0x7f22_bbf3_5000 },
        ];
        assert_eq!(unwritten(smaps), found);
        assert_eq!(unwritten("Anonymous: 0 kB\n-\nx y z\n"), []);
    }

    #[test]
    fn continues_after_its_code_is_dropped() {
        let own = std::fs::read_to_string("/proc/self/smaps").unwrap();
        assert!(!unwritten(&own).is_empty(), "{own}");
        shed_code();
        assert_eq!(format!("{:?}", [1, 2]), "[1, 2]");
    }
}
