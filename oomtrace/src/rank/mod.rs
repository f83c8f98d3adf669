//! Ranks the processes in the order in which the kernel would kill them. It applies the kernel's formula to the current state of
//! procfs and cgroupfs. The code is pure; `source::census` reads the state.

mod domain;
mod memory;
mod scope;

use serde::Serialize;

pub use self::{
    domain::{Domain, Kind},
    memory::{DOMAIN, Look, Memory},
    scope::Scope,
};
use crate::{
    badness,
    bytes::ByteString,
    forecast::Forecast,
    incident::{Candidate, Counters, PassedOver, Task},
};

/// The version of the JSON's schema. Keys are added, never renamed.
pub const SCHEMA: u32 = 1;

/// A process as `source::census` found it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Its facts from procfs, which does not contain `memcg`.
    pub task: Task,
    /// Path of its memory cgroup.
    pub cgroup: Option<ByteString>,
}

/// All tasks that the kernel would examine, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// All processes.
    pub found: Vec<Found>,
    /// Number of kernel threads. The kernel passes them over.
    pub kernel_threads: u32,
    /// Bytes of a page.
    pub page_size: u64,
    /// Whether the pids belong to a pid namespace below the machine's. Pid 1 is then a container's init, and can be killed like
    /// any other.
    pub in_pid_namespace: bool,
}

impl Census {
    /// Returns whether the task is the machine's own init, which the kernel passes over.
    /// <https://github.com/torvalds/linux/blob/v6.12/include/linux/sched.h#L1650> (`is_global_init`)
    fn is_init(&self, task: &Task) -> bool {
        task.pid == Some(1) && !self.in_pid_namespace
    }
}

/// The order in which processes would be killed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ranking {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The memory that would run out.
    pub domain: Domain,
    /// When it would run out at its present rate; `None` if it does not grow in a straight line, or if the growth was not
    /// measured.
    pub forecast: Option<Forecast>,
    /// Sysctls that the kernel checks first and that make the ranking irrelevant.
    pub overruled_by: Vec<Overruling>,
    /// Candidates in the order in which they would be killed.
    pub candidates: Vec<Row>,
    /// Processes that would not be killed.
    pub protected: Vec<Protected>,
    /// Number of kernel threads, which are never killed.
    pub kernel_threads: u32,
    /// Processes that would be killed with the first one; `None` if no cgroup above it has `memory.oom.group` set.
    pub group: Option<Scope>,
    /// Bytes of a page.
    pub page_size: u64,
    /// The account of the domain's memory; `None` if it could not be read.
    pub memory: Option<Memory>,
}

/// A sysctl that the kernel checks before badness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Overruling {
    /// `vm.oom_kill_allocating_task`: the process that allocates is killed.
    OomKillAllocatingTask,
    /// `vm.panic_on_oom`: the kernel panics.
    PanicOnOom,
}

/// A process with its points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Process id.
    pub pid: i32,
    /// Name.
    pub comm: Option<ByteString>,
    /// Real user id.
    pub uid: Option<u32>,
    /// Path of its memory cgroup.
    pub cgroup: Option<ByteString>,
    /// Points, in pages.
    pub points: i64,
    /// Resident pages of all kinds.
    pub rss_pages: u64,
    /// Swapped-out pages.
    pub swap_pages: u64,
    /// Pages of page tables.
    pub pgtables_pages: u64,
    /// A number from -999 to 1000.
    pub oom_score_adj: i16,
    /// Pages that `oom_score_adj` adds.
    pub adj_pages: i64,
}

/// A process that would not be killed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Protected {
    /// Process id.
    pub pid: i32,
    /// Name.
    pub comm: Option<ByteString>,
    /// Path of its memory cgroup.
    pub cgroup: Option<ByteString>,
    /// A number from -1000 to 1000.
    pub oom_score_adj: Option<i16>,
    /// Resident pages of all kinds; `None` if the process has no memory.
    pub rss_pages: Option<u64>,
    /// The reason, as in a report's `candidates`.
    pub passed_over: &'static str,
}

impl Ranking {
    /// Returns the ranking with the account of the domain's memory.
    #[must_use]
    pub fn with_memory(self, census: &Census, look: Look) -> Self {
        let memory = memory::memory(census, &self.domain, look);
        Self { memory, ..self }
    }

    /// Returns the ranking with at most this many candidates.
    #[must_use]
    pub fn top(&self, most: usize) -> Self {
        let candidates = self.candidates.iter().take(most).cloned().collect();
        Self { candidates, ..self.clone() }
    }
}

/// Ranks all found processes for a domain.
#[must_use]
pub fn rank(census: &Census, domain: Domain, overruled_by: Vec<Overruling>) -> Ranking {
    let (mut candidates, mut protected) = (Vec::new(), Vec::new());
    for (found, judged) in census.found.iter().map(|found| (found, judge(&found.task, &domain, census))) {
        match judged {
            Candidate { points: Some(points), .. } => {
                candidates.extend(row(found, points, &domain, census.page_size));
            }
            Candidate { passed_over, .. } => {
                protected.extend(passed_over.and_then(|why| protect(found, why)));
            }
        }
    }
    // Among equals, the kernel takes the task that it examines last, so that one comes first here.
    candidates.reverse();
    candidates.sort_by_key(|row| std::cmp::Reverse(row.points));
    let group = candidates.first().and_then(|first| domain.scope_of(first.cgroup.as_ref()?, census));
    let Census { kernel_threads, page_size, .. } = *census;
    let forecast = None;
    Ranking {
        schema: SCHEMA,
        domain,
        forecast,
        overruled_by,
        candidates,
        protected,
        kernel_threads,
        group,
        page_size,
        memory: None,
    }
}

/// Returns how the kernel would treat a process.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L309> (`oom_evaluate_task`)
fn judge(task: &Task, domain: &Domain, census: &Census) -> Candidate {
    let passed_over = if census.is_init(task) {
        Some(PassedOver::Init)
    } else if task.memory.is_none() {
        Some(PassedOver::NoMemory)
    } else if task.oom_score_adj == Some(badness::ADJ_MIN) {
        Some(PassedOver::AdjMin)
    } else {
        None
    };
    let base = task.memory.as_ref().map(|counters| counters.base_pages(census.page_size));
    let scored = passed_over.is_none().then(|| base.zip(task.oom_score_adj)).flatten();
    let points = scored.and_then(|(base, adj)| badness::points(base, adj, domain.total_pages));
    Candidate { task: task.clone(), points, passed_over }
}

fn row(found: &Found, points: i64, domain: &Domain, page_size: u64) -> Option<Row> {
    let Found { task, cgroup } = found;
    let (memory, adj) = (task.memory?, task.oom_score_adj?);
    Some(Row {
        pid: task.pid?,
        comm: task.comm.clone(),
        uid: task.uid,
        cgroup: cgroup.clone(),
        points,
        rss_pages: rss_pages(&memory),
        swap_pages: memory.swap_pages,
        pgtables_pages: memory.pgtables_bytes.checked_div(page_size)?,
        oom_score_adj: adj,
        adj_pages: badness::adj_pages(adj, domain.total_pages),
    })
}

fn protect(found: &Found, why: PassedOver) -> Option<Protected> {
    let Found { task, cgroup } = found;
    Some(Protected {
        pid: task.pid?,
        comm: task.comm.clone(),
        cgroup: cgroup.clone(),
        oom_score_adj: task.oom_score_adj,
        rss_pages: task.memory.as_ref().map(rss_pages),
        passed_over: why.name(),
    })
}

fn rss_pages(memory: &Counters) -> u64 {
    memory.file_pages.saturating_add(memory.anon_pages).saturating_add(memory.shmem_pages)
}

#[cfg(test)]
mod tests;
