//! Reads the facts for a ranking from the machine.

use std::{collections::BTreeMap, fs, path::Path, thread, time::Duration};

use anyhow::{Context as _, Result, bail};
use oomtrace_common::event::Memcg;
use zerocopy::FromZeros as _;

use crate::{
    badness,
    bytes::ByteString,
    rank::{DOMAIN, Domain, Kind, Look, Overruling, Ranking, rank},
    source::{
        cgroup::{
            cgroupfs::MemoryHierarchy,
            memcg::{self, Limits},
            memory_stat,
        },
        history::Gauge,
        process::{census, procfs},
        shortage,
    },
};

/// The time between two samples of memory.
const STEP: Duration = Duration::from_millis(250);

/// Measures how fast memory grows.
pub(super) struct Growth {
    gauge: Option<Gauge>,
}

impl Growth {
    /// Prepares to measure the cgroup that would run out, or the machine. If `is_wanted` is false, nothing is measured.
    ///
    /// # Errors
    ///
    /// The errors of [`ranking`].
    pub(super) fn of(cgroup: Option<&Path>, is_wanted: bool) -> Result<Self> {
        let gauge = match (is_wanted, cgroup) {
            (false, _) => None,
            (true, None) => Some(Gauge::of_machine()),
            (true, Some(asked)) => {
                let hierarchy = MemoryHierarchy::find().context(NO_HIERARCHY)?;
                let domain = limited(&hierarchy, &memcg::normal(hierarchy.mount(), asked))?;
                domain.cgroup.and_then(|path| Gauge::of_cgroup(&hierarchy, &path))
            }
        };
        Ok(Self { gauge })
    }

    /// Takes samples for the given time.
    pub(super) fn measure(&mut self, over: Duration) {
        let steps = over.as_nanos().div_ceil(STEP.as_nanos());
        for _ in 0..steps {
            self.look();
            thread::sleep(STEP);
        }
    }

    /// Takes one sample.
    pub(super) fn look(&mut self) {
        if let Some(gauge) = &mut self.gauge {
            gauge.read();
        }
    }

    /// Adds the forecast from the samples so far to a ranking.
    pub(super) fn add_to(&self, ranking: Ranking) -> Ranking {
        Ranking { forecast: self.gauge.as_ref().and_then(Gauge::forecast), ..ranking }
    }

    /// Returns the time over which memory was measured, in ns, or 0 if it was not measured.
    pub(super) fn over_ns(&self) -> u64 {
        self.gauge.as_ref().map_or(0, Gauge::over_ns)
    }
}

const NO_HIERARCHY: &str = "no hierarchy with the memory controller is mounted";

/// Ranks all processes of the cgroup or the machine.
///
/// # Errors
///
/// Fails if the cgroup does not exist, if neither it nor an ancestor has a limit, or if procfs does not show the memory size.
pub(super) fn ranking(cgroup: Option<&Path>) -> Result<Ranking> {
    let hierarchy = MemoryHierarchy::find();
    let Some(asked) = cgroup else {
        let domain = machine(hierarchy.as_ref())?;
        let census = census::machine(hierarchy.as_ref());
        return Ok(rank(&census, domain, overrulings(Kind::System)).with_memory(&census, look(None)));
    };
    let hierarchy = hierarchy.context(NO_HIERARCHY)?;
    let domain = limited(&hierarchy, &memcg::normal(hierarchy.mount(), asked))?;
    let path = domain.cgroup.clone().unwrap_or_else(|| ByteString::from("/"));
    let census = census::memcg(hierarchy.mount(), &path);
    let look = look(Some((&hierarchy, &path)));
    Ok(rank(&census, domain, overrulings(Kind::Memcg)).with_memory(&census, look))
}

/// Reads the current use of memory.
fn look(domain: Option<(&MemoryHierarchy, &ByteString)>) -> Look {
    let (state, surroundings) = shortage::now();
    let Some((hierarchy, path)) = domain else { return Look { state, surroundings, ..Look::default() } };
    let stat = memory_stat::read(&memcg::directory(hierarchy.mount(), path));
    Look { levels: levels(hierarchy, path), stat, state, surroundings }
}

/// Reads the domain and the cgroups above it. Their numbers increase from the domain to the root.
fn levels(hierarchy: &MemoryHierarchy, path: &ByteString) -> BTreeMap<u64, Memcg> {
    let paths = std::iter::successors(Some(path.clone()), memcg::parent);
    let levels = (DOMAIN..).zip(paths).map(|(id, path)| (id, level(hierarchy, id, &path)));
    let mut levels: BTreeMap<u64, Memcg> = levels.collect();
    // No cgroup is above the root.
    levels.values_mut().next_back().into_iter().for_each(|root| root.parent = 0);
    levels
}

fn level(hierarchy: &MemoryHierarchy, id: u64, path: &ByteString) -> Memcg {
    let limits = memcg::limits(hierarchy, path);
    let mut level = Memcg { id, parent: id + 1, ..Memcg::new_zeroed() };
    level.hierarchy = u32::from(matches!(hierarchy, MemoryHierarchy::V1(_)));
    if let Some(usage) = limits.usage {
        (level.usage_pages, level.present) = (pages(usage), Memcg::COUNTERS);
    }
    if let Some((usage, max)) = limits.swap_usage.zip(limits.swap) {
        (level.swap_usage_pages, level.swap_max_pages) = (pages(usage), pages(max));
        level.present |= Memcg::SWAP;
    }
    level
}

fn machine(hierarchy: Option<&MemoryHierarchy>) -> Result<Domain> {
    let memory = meminfo("MemTotal:")?;
    let total_pages = pages(memory.saturating_add(meminfo("SwapTotal:")?));
    Ok(Domain {
        kind: Kind::System,
        cgroup: None,
        asked: None,
        limit_bytes: Some(memory),
        usage_bytes: Some(memory.saturating_sub(meminfo("MemAvailable:")?)),
        total_pages,
        oom_groups: groups(hierarchy, &ByteString::from("/")),
    })
}

/// Finds the nearest cgroup with a limit, which is the given one or one above it.
fn limited(hierarchy: &MemoryHierarchy, asked: &ByteString) -> Result<Domain> {
    let directory = memcg::directory(hierarchy.mount(), asked);
    if !directory.join("cgroup.procs").is_file() {
        bail!(
            "there is no memory cgroup {}; paths begin below {}",
            asked.to_words(),
            hierarchy.mount().display()
        );
    }
    let mut next = Some(asked.clone());
    while let Some(path) = next {
        let limits = memcg::limits(hierarchy, &path);
        if let Some(limit) = limits.memory {
            return domain(hierarchy, asked, path, &limits, limit);
        }
        next = memcg::parent(&path);
    }
    bail!(
        "neither {} nor a cgroup above it has a memory limit, so it runs out with the machine; omit --cgroup",
        asked.to_words()
    )
}

fn domain(
    hierarchy: &MemoryHierarchy,
    asked: &ByteString,
    path: ByteString,
    limits: &Limits,
    limit: u64,
) -> Result<Domain> {
    let swap = pages(meminfo("SwapTotal:")?);
    let allowed = limits.swap.map_or(u64::MAX, pages);
    let total_pages = match hierarchy {
        MemoryHierarchy::V2(_) => badness::memcg_total_pages(pages(limit), allowed, swap, limits.swappiness),
        MemoryHierarchy::V1(_) => {
            badness::memcg_v1_total_pages(pages(limit), allowed, swap, limits.swappiness)
        }
    };
    Ok(Domain {
        kind: Kind::Memcg,
        asked: (path != *asked).then(|| asked.clone()),
        limit_bytes: Some(limit),
        usage_bytes: limits.usage,
        total_pages,
        oom_groups: groups(Some(hierarchy), &path),
        cgroup: Some(path),
    })
}

fn groups(hierarchy: Option<&MemoryHierarchy>, path: &ByteString) -> Vec<ByteString> {
    match hierarchy {
        Some(MemoryHierarchy::V2(mount)) => memcg::oom_groups(mount, path),
        Some(MemoryHierarchy::V1(_)) | None => Vec::new(),
    }
}

/// Reads the sysctls that take precedence over badness. At a cgroup's limit, `panic_on_oom` has an effect only from 2 on, and
/// `oom_kill_allocating_task` has none.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L1042> (`check_panic_on_oom`)
fn overrulings(kind: Kind) -> Vec<Overruling> {
    let sysctl = procfs::sysctl();
    let least = if kind == Kind::System { 1 } else { 2 };
    let panics = sysctl.panic_on_oom.is_some_and(|value| value >= least);
    let allocating = kind == Kind::System && sysctl.oom_kill_allocating_task.is_some_and(|value| value != 0);
    let found =
        [panics.then_some(Overruling::PanicOnOom), allocating.then_some(Overruling::OomKillAllocatingTask)];
    found.into_iter().flatten().collect()
}

fn pages(bytes: u64) -> u64 {
    let size = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
    bytes.checked_div(size).unwrap_or(0)
}

/// Reads a line of `/proc/meminfo`, in bytes.
fn meminfo(name: &str) -> Result<u64> {
    let text = fs::read_to_string("/proc/meminfo").context("reading /proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.and_then(|kib| kib.checked_mul(1024)).with_context(|| format!("/proc/meminfo has no {name}"))
}
