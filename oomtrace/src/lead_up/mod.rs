//! Describes the minutes before a decision: how much memory grew, since when, in which shape, and which processes grew. The code
//! is pure and uses only an incident.

pub(crate) mod curve;
mod domain;
mod growers;
mod shape;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use self::shape::Shape;
use self::{curve::Growth, growers::Grown};
use crate::{
    account::Whole,
    attribute::cgroup::{is_below, path_of},
    bytes::ByteString,
    context::{self, CgroupHistory, MemoryHistory},
    incident::{Incident, Role},
};

/// The most processes that are named.
const GROWERS: usize = 5;

/// A victim that grew by less than one part in this many of the whole growth did not cause it.
const VICTIM_SHARE: u64 = 10;

/// Page tables up to one part in this many of resident memory are usual: twice what dense memory needs.
const TABLES_SHARE: u64 = 256;

/// The minutes before a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeadUp {
    /// The owner of the memory.
    pub of: Whole,
    /// The interval of the full samples, ns. Memory that is about to run out is sampled more often.
    pub interval_ns: u64,
    /// Age of the first sample at the decision, ns.
    pub history_ns: Option<u64>,
    /// The growth of the memory; `None` if it did not grow, or if that is not known.
    pub growth_bytes: Option<u64>,
    /// Time from the begin of the growth to the decision, ns.
    pub since_ns: Option<u64>,
    /// The rate of the growth.
    pub bytes_per_second: Option<u64>,
    /// The shape of the growth.
    pub shape: Shape,
    /// Whether the chosen victim is a process that grew; `None` if no memory grew, or if that is not known.
    pub victim_grew: Option<bool>,
    /// The samples, oldest first. The last one is the decision itself, if its amounts are known.
    pub samples: Vec<Sample>,
    /// The processes that grew most, the fastest first.
    pub growers: Vec<Grower>,
    /// The cgroups inside the domain that grew.
    pub cgroups: Vec<GrownCgroup>,
}

/// Memory at a time before the decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// Time until the decision, ns.
    pub before_ns: u64,
    /// Usage of the cgroup, or all memory of the machine that is not free.
    pub usage_bytes: Option<u64>,
    /// Anonymous memory.
    pub anon_bytes: Option<u64>,
    /// Page cache without shared memory.
    pub file_bytes: Option<u64>,
    /// Shared memory and tmpfs.
    pub shmem_bytes: Option<u64>,
    /// Memory of the kernel.
    pub kernel_bytes: Option<u64>,
    /// Swap in use.
    pub swap_bytes: Option<u64>,
    /// Pages that were read again after reclaim had dropped them, since the tracer's first sample.
    pub refaults: Option<u64>,
    /// The share of the last ten seconds in which a task waited for memory, in thousandths.
    pub stall_permille: Option<u16>,
}

/// A process that grew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Grower {
    /// Process id.
    pub pid: i32,
    /// Name.
    pub comm: Option<ByteString>,
    /// Path of its memory cgroup.
    pub cgroup: Option<ByteString>,
    /// Start time, `CLOCK_BOOTTIME` ns.
    pub start_boot_ns: Option<u64>,
    /// Growth of its memory.
    pub growth_bytes: u64,
    /// Growth in percent of the whole growth.
    pub percent: u64,
    /// Whether it is a victim.
    pub is_victim: bool,
    /// Its resident memory, oldest first.
    pub samples: Vec<Resident>,
}

/// Resident memory of a process at a time before the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Resident {
    /// Time until the decision, ns.
    pub before_ns: u64,
    /// Bytes.
    pub bytes: u64,
}

/// A cgroup inside the one that ran out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GrownCgroup {
    /// Path.
    pub cgroup: ByteString,
    /// Growth of its usage.
    pub growth_bytes: u64,
    /// Growth in percent of the whole growth.
    pub percent: u64,
}

/// Returns the lead-up of a cgroup that ran out.
#[must_use]
pub fn of_cgroup(incident: &Incident, id: u64) -> Option<LeadUp> {
    let history = incident.lead_up.as_deref()?;
    let points = domain::of_cgroup(incident, history, id);
    let found = history.cgroups.iter().find(|cgroup| cgroup.memcg == id);
    let mut samples = found.map(|cgroup| samples(incident, &cgroup.memory)).unwrap_or_default();
    samples.extend(
        domain::usage_bytes(incident, id)
            .map(|usage| Sample { usage_bytes: Some(usage), ..Sample::default() }),
    );
    let limit = found.and_then(|cgroup| cgroup.limit_bytes);
    let mut lead_up = interpret(incident, history, Whole::Cgroup, &points, samples);
    if lead_up.growth_bytes.is_none() && found.is_some_and(|cgroup| is_plateau(&cgroup.memory, limit)) {
        lead_up.shape = Shape::Plateau;
    }
    lead_up.cgroups = inside(incident, history, id, &lead_up);
    Some(lead_up)
}

/// Returns the lead-up of a machine that ran out.
#[must_use]
pub fn of_machine(incident: &Incident) -> Option<LeadUp> {
    let history = incident.lead_up.as_deref().filter(|history| history.machine.is_some())?;
    let points = domain::of_machine(incident, history);
    let samples = history.machine.as_ref().map(|machine| samples(incident, machine)).unwrap_or_default();
    Some(interpret(incident, history, Whole::Machine, &points, samples))
}

fn interpret(
    incident: &Incident,
    history: &context::LeadUp,
    of: Whole,
    points: &[curve::Point],
    samples: Vec<Sample>,
) -> LeadUp {
    let mut growth = curve::growth(points);
    let since_ns = growth.map(|growth| points.get(growth.index).map_or(growth.since_ns, |point| point.at_ns));
    let grown = since_ns.map(|since| growers::grown(incident, history, since)).unwrap_or_default();
    if let Some(growth) = &mut growth {
        begin_with_process(growth, &grown, incident.boot_ns);
    }
    let before = |at_ns: u64| incident.boot_ns.saturating_sub(at_ns);
    let whole = growth.map(|growth| growth.bytes);
    LeadUp {
        of,
        interval_ns: history.interval_ns,
        history_ns: points.first().map(|first| before(first.at_ns)),
        growth_bytes: whole,
        since_ns: growth.map(|growth| before(growth.since_ns)),
        bytes_per_second: growth.and_then(|growth| growth.bytes_per_second),
        shape: growth
            .map_or(Shape::Unknown, |growth| shape::shape(points, &growth, &grown, history.interval_ns)),
        victim_grew: whole.and_then(|whole| victim_grew(incident, &grown, whole)),
        samples,
        growers: growers(incident, &grown, whole),
        cgroups: Vec::new(),
    }
}

/// Moves the begin of the growth if too few samples follow it: the growth then begins when the process with most of it started.
fn begin_with_process(growth: &mut Growth, grown: &[Grown], end_ns: u64) {
    let most = grown.first().filter(|first| first.growth_bytes >= growth.bytes / 2);
    let start =
        most.and_then(|first| first.start_ns).filter(|start| *start > growth.since_ns && *start < end_ns);
    if let Some(start) = start.filter(|_| growth.straight.is_none()) {
        growth.since_ns = start;
        growth.bytes_per_second = curve::rate(growth.bytes, end_ns.saturating_sub(start));
    }
}

/// Returns whether the victim grew. Returns `None` if its growth is not known, unless the victim is too small to have grown that
/// much.
fn victim_grew(incident: &Incident, grown: &[Grown], whole: u64) -> Option<bool> {
    let chosen = incident.victims.iter().find(|victim| victim.role == Role::Chosen)?;
    let least = whole / VICTIM_SHARE;
    let own = grown.iter().find(|grown| Some(grown.pid) == chosen.task.pid);
    if own.is_some_and(|own| own.growth_bytes >= least) {
        return Some(true);
    }
    let counters = chosen.task.exact.or(chosen.task.memory)?;
    // The samples have no swap and no page tables. Swap, and page tables beyond the usual amount, may have grown.
    let resident = counters.resident_pages().saturating_mul(incident.page_size());
    let swap = counters.swap_pages.saturating_mul(incident.page_size());
    let unsampled = swap.saturating_add(counters.pgtables_bytes.saturating_sub(resident / TABLES_SHARE));
    let most = if own.is_some() { unsampled } else { unsampled.saturating_add(resident) };
    (most < least).then_some(false)
}

fn growers(incident: &Incident, grown: &[Grown], whole: Option<u64>) -> Vec<Grower> {
    let whole = whole.unwrap_or(0);
    let counts = |grown: &&Grown| grown.growth_bytes > 0 && grown.growth_bytes >= whole / 100;
    let before = |at_ns: u64| incident.boot_ns.saturating_sub(at_ns);
    let resident = |grown: &Grown| {
        let points = grown.points.iter();
        points.map(|point| Resident { before_ns: before(point.at_ns), bytes: point.bytes }).collect()
    };
    let grower = |grown: &Grown| Grower {
        pid: grown.pid,
        comm: grown.comm.clone(),
        cgroup: grown.memcg.and_then(|id| path_of(incident, id)),
        start_boot_ns: grown.start_ns,
        growth_bytes: grown.growth_bytes,
        percent: percent(grown.growth_bytes, whole),
        is_victim: grown.is_victim,
        samples: resident(grown),
    };
    grown.iter().filter(counts).take(GROWERS).map(grower).collect()
}

/// Returns a share in percent, at most 100, because resident memory of files may belong to other cgroups.
fn percent(bytes: u64, whole: u64) -> u64 {
    let percent = (u128::from(bytes) * 100 + u128::from(whole / 2)).checked_div(u128::from(whole));
    percent.map_or(0, |percent| u64::try_from(percent.min(100)).unwrap_or(100))
}

/// Returns the cgroups below the domain that grew since the growth began.
fn inside(incident: &Incident, history: &context::LeadUp, id: u64, lead_up: &LeadUp) -> Vec<GrownCgroup> {
    let (Some(whole), Some(since)) = (lead_up.growth_bytes, lead_up.since_ns) else { return Vec::new() };
    let since_ns = incident.boot_ns.saturating_sub(since);
    let domain =
        history.cgroups.iter().find(|cgroup| cgroup.memcg == id).and_then(|cgroup| cgroup.path.as_ref());
    let Some(domain) = domain else { return Vec::new() };
    let is_inside = |cgroup: &&CgroupHistory| {
        cgroup.memcg != id
            && cgroup.path.as_ref().is_some_and(|path| is_below(path.as_bytes(), domain.as_bytes()))
    };
    let grown = |cgroup: &CgroupHistory| {
        let growth_bytes = usage_growth(&cgroup.memory, since_ns)?;
        let percent = percent(growth_bytes, whole);
        (percent > 0).then_some(GrownCgroup { cgroup: cgroup.path.clone()?, growth_bytes, percent })
    };
    history.cgroups.iter().filter(is_inside).filter_map(grown).collect()
}

/// Returns the growth from the usage at a time to the last usage.
fn usage_growth(memory: &MemoryHistory, since_ns: u64) -> Option<u64> {
    let known =
        || memory.at_ns.iter().zip(&memory.usage_bytes).filter_map(|(at, usage)| Some((*at, (*usage)?)));
    let before = known().take_while(|(at, _)| *at <= since_ns).last().or_else(|| known().next())?;
    known().next_back()?.1.checked_sub(before.1).filter(|growth| *growth > 0)
}

/// Returns whether a cgroup was at its limit in the last three samples.
fn is_plateau(memory: &MemoryHistory, limit: Option<u64>) -> bool {
    let Some(limit) = limit else { return false };
    let last: Vec<u64> = memory.usage_bytes.iter().rev().flatten().take(3).copied().collect();
    last.len() == 3 && last.iter().all(|usage| *usage >= limit / 100 * 95)
}

fn samples(incident: &Incident, memory: &MemoryHistory) -> Vec<Sample> {
    fn at<T: Copy>(column: &[Option<T>], index: usize) -> Option<T> {
        column.get(index).copied().flatten()
    }
    let sample = |(index, at_ns): (usize, &u64)| Sample {
        before_ns: incident.boot_ns.saturating_sub(*at_ns),
        usage_bytes: at(&memory.usage_bytes, index),
        anon_bytes: at(&memory.anon_bytes, index),
        file_bytes: at(&memory.file_bytes, index),
        shmem_bytes: at(&memory.shmem_bytes, index),
        kernel_bytes: at(&memory.kernel_bytes, index),
        swap_bytes: at(&memory.swap_bytes, index),
        refaults: at(&memory.refaults, index),
        stall_permille: at(&memory.stall_permille, index),
    };
    memory.at_ns.iter().enumerate().map(sample).collect()
}
