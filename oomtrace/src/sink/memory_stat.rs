//! The memory of a cgroup by kind, for sinks that people read.

use crate::report::Domain;

/// The most useful figures of `memory.stat`, by their names on v2 and v1.
const COMPOSITION: [&str; 9] =
    ["anon", "rss", "file", "cache", "shmem", "kernel", "slab", "sock", "pagetables"];

/// The figures that exist, in bytes. They overlap: `file` includes `shmem`, and `kernel` includes `slab` and `pagetables`.
pub(super) fn composition(domain: &Domain) -> Vec<(&'static str, u64)> {
    let stat = domain.memory_stat.iter();
    // On v1 a plain name counts only the cgroup itself, without its descendants.
    let figure = |name: &str| {
        stat.clone().find_map(|stat| stat.get(&format!("total_{name}")).or_else(|| stat.get(name)))
    };
    COMPOSITION.into_iter().filter_map(|name| Some((name, *figure(name)?))).collect()
}
