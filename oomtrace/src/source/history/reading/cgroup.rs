//! Reads one memory cgroup from its files.

use std::os::fd::AsFd;

use super::files::{Files, parts, stall_permille};
use crate::source::{
    cgroup::cgroupfs::MemoryHierarchy,
    history::table::{Kib, Sample},
};

/// v1 writes almost the largest signed number if no limit is set. Values from here on mean "unlimited".
const V1_UNLIMITED: u64 = 0x7fff_ffff_ffff_0000;

/// The file names of a hierarchy.
#[derive(Clone, Copy)]
pub(in crate::source::history) struct Names {
    usage: &'static str,
    limit: &'static str,
    /// The file of swap alone, on v2 only.
    swap: Option<&'static str>,
    /// On v1, the limit of memory and swap together.
    swap_limit: &'static str,
    pressure: Option<&'static str>,
}

const V1: Names = Names {
    usage: "memory.usage_in_bytes",
    limit: "memory.limit_in_bytes",
    swap: None,
    swap_limit: "memory.memsw.limit_in_bytes",
    pressure: None,
};
const V2: Names = Names {
    usage: "memory.current",
    limit: "memory.max",
    swap: Some("memory.swap.current"),
    swap_limit: "memory.swap.max",
    pressure: Some("memory.pressure"),
};

/// The values in the files that are not part of the sample.
#[derive(Clone, Copy, Debug)]
pub(in crate::source::history) struct Own {
    pub(in crate::source::history) limit: Kib,
    /// The swap that the cgroup may use; absent without a limit, and if the machine has no swap.
    pub(in crate::source::history) swap_limit: Kib,
    /// Number of refaults so far, pages.
    pub(in crate::source::history) refaults: Option<u64>,
}

impl Names {
    pub(in crate::source::history) const fn of(hierarchy: &MemoryHierarchy) -> Self {
        match hierarchy {
            MemoryHierarchy::V1(_) => V1,
            MemoryHierarchy::V2(_) => V2,
        }
    }

    pub(in crate::source::history) fn usage(&self, files: &mut Files, directory: impl AsFd) -> Option<u64> {
        files.number(directory, self.usage)
    }

    /// Reads everything except the usage.
    pub(in crate::source::history) fn read(
        &self,
        files: &mut Files,
        directory: impl AsFd + Copy,
        has_swap: bool,
        sample: &mut Sample,
    ) -> Own {
        let parts = files.read(directory, "memory.stat").map(parts).unwrap_or_default();
        let swap = self.swap.and_then(|name| files.number(directory, name));
        sample.anon = Kib::of(parts.anon);
        sample.file = Kib::of(parts.file);
        sample.shmem = Kib::of(parts.shmem);
        sample.kernel = Kib::of(parts.kernel);
        sample.swap = Kib::of(swap.or(parts.swap));
        let stall = self.pressure.and_then(|name| stall_permille(files.read(directory, name)?));
        sample.stall = stall.unwrap_or(u16::MAX);
        let mut limit = |name| files.number(directory, name).filter(|limit| *limit < V1_UNLIMITED);
        let own = limit(self.limit);
        let swap_limit = has_swap.then(|| limit(self.swap_limit)).flatten();
        // Only v1 has no file for swap alone, so subtract the memory limit there.
        let of_both =
            |limit: u64| if self.swap.is_none() { limit.saturating_sub(own.unwrap_or(0)) } else { limit };
        Own { limit: Kib::of(own), swap_limit: Kib::of(swap_limit.map(of_both)), refaults: parts.refaults }
    }
}
