//! What a memory cgroup holds, as far as people ask for it.

use crate::report::Domain;

/// What people look for in `memory.stat`, by the names of v2 and of v1.
const COMPOSITION: [&str; 9] =
    ["anon", "rss", "file", "cache", "shmem", "kernel", "slab", "sock", "pagetables"];

/// The figures that are there, in bytes. They overlap: `file` has `shmem` in it, and `kernel` has `slab` and `pagetables`.
pub(super) fn composition(domain: &Domain) -> Vec<(&'static str, u64)> {
    let stat = domain.memory_stat.iter();
    // On v1 a name alone is of the cgroup itself, without those below it.
    let figure = |name: &str| {
        stat.clone().find_map(|stat| stat.get(&format!("total_{name}")).or_else(|| stat.get(name)))
    };
    COMPOSITION.into_iter().filter_map(|name| Some((name, *figure(name)?))).collect()
}
