//! Facts that outlive an incident or arrive before it. All of them are bounded in size.

use std::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
};

use oomtrace_common::event::{EmptyPasses, Memcg, Sigkill};

use super::{
    memory_state::{Shortage, is_near},
    repeats::Kinds,
};
use crate::{
    bytes::ByteString,
    cgroup,
    context::{CGROUPS_KEPT, CgroupPaths, Names, Process, Surroundings},
    incident::{Ballot, CallTrace, Incident, KnownNames, Repeats, SysrqRequest, Task, is_of},
};

/// Maximum number of processes with facts from procfs. This is more than one batch of kills names.
const PROCESSES: usize = 64;

/// Maximum number of cgroup levels that wait for their incident.
const WAITING_MEMCGS: usize = 256;

/// Maximum number of SIGKILLs that wait for their mark.
const WAITING_KILLS: usize = 64;

/// Maximum number of runs of empty passes that are remembered after a report.
const RUNS: usize = 64;

/// Maximum number of victims that are remembered after their incident was closed.
const VICTIMS: usize = 256;

/// Time for which they are remembered, ns. A victim's threads are marked again while it dies; later the kernel reuses its
/// pid.
const VICTIMS_NS: u64 = 10_000_000_000;

/// Maximum time between a SysRq-f request and its execution, ns: both a kernel worker and `oom_lock` must be free.
const REQUEST_NS: u64 = 10_000_000_000;

/// The assembler's memory, bounded in size.
#[derive(Debug, Default)]
pub(super) struct Memory {
    processes: VecDeque<Rc<Process>>,
    memcgs: VecDeque<(Option<u64>, Memcg)>,
    kills: VecDeque<(u64, Sigkill)>,
    victims: VecDeque<Past>,
    runs: VecDeque<EmptyPasses>,
    /// The ballot of the latest pass that is not reported yet. Passes do not overlap.
    ballot: Option<(u64, Ballot)>,
    /// The shortage of the latest pass that is not reported yet.
    shortage: Option<(u64, Shortage)>,
    /// The latest surroundings. A decision that follows closely shares them.
    surroundings: Option<Rc<Surroundings>>,
    /// The latest SysRq-f request that no decision has answered yet. Several requests before one decision count as one.
    requested: Option<SysrqRequest>,
    paths: BTreeMap<u64, ByteString>,
    paths_in_order: VecDeque<u64>,
    kinds: Kinds,
    /// The names, shared with the incidents. Names that arrive later do not change a finished incident.
    names: Rc<KnownNames>,
}

/// A victim of a finished incident.
#[derive(Clone, Debug)]
pub(super) struct Past {
    pub(super) task: Task,
    pub(super) domain: Option<u64>,
    pub(super) ended_ns: u64,
}

impl Memory {
    /// Keeps facts about a process, and returns the oldest ones if there is no room for them any more.
    pub(super) fn keep_process(&mut self, process: Rc<Process>) -> Option<Rc<Process>> {
        let oldest = if self.processes.len() < PROCESSES { None } else { self.processes.pop_front() };
        self.processes.push_back(process);
        oldest
    }

    /// Returns the facts from procfs about the processes of an incident.
    pub(super) fn processes_of(&self, incident: &Incident) -> Vec<Rc<Process>> {
        let fits = |process: &&Rc<Process>| incident.involved().any(|task| is_of(process, task));
        self.processes.iter().rev().filter(fits).cloned().collect()
    }

    /// Whether procfs was read for every process involved.
    pub(super) fn knows_all_of(&self, incident: &Incident) -> bool {
        let mut tasks = incident.involved();
        tasks.all(|task| self.processes.iter().chain(&incident.processes).any(|process| is_of(process, task)))
    }

    pub(super) fn keep_memcg(&mut self, pass: Option<u64>, memcg: Memcg) {
        keep(&mut self.memcgs, (pass, memcg), WAITING_MEMCGS);
    }

    /// Stores paths of cgroups. The oldest ones are dropped when the source of the paths drops them; the source then sends
    /// them again.
    pub(super) fn keep_cgroup_paths(&mut self, frame: CgroupPaths) {
        for (id, path) in frame.paths {
            if self.paths.insert(id, path).is_some() {
                continue;
            }
            if self.paths_in_order.len() == CGROUPS_KEPT
                && let Some(oldest) = self.paths_in_order.pop_front()
            {
                self.paths.remove(&oldest);
            }
            self.paths_in_order.push_back(id);
        }
    }

    /// Stores names.
    pub(super) fn keep_names(&mut self, frame: Names) {
        Rc::make_mut(&mut self.names).keep(frame);
    }

    /// Returns the names that were reported so far.
    pub(super) fn names(&self) -> Rc<KnownNames> {
        Rc::clone(&self.names)
    }

    /// Returns the paths of the candidates' cgroups, as far as they were reported.
    pub(super) fn cgroups_of(&self, incident: &Incident) -> BTreeMap<u64, ByteString> {
        let candidates = incident.ballot.iter().flat_map(|ballot| &ballot.candidates);
        let ids = candidates.filter_map(|candidate| candidate.task.memcg);
        ids.filter_map(|id| Some((id, self.paths.get(&id)?.clone()))).collect()
    }

    /// Removes and returns the levels that arrived before their incident.
    pub(super) fn take_memcgs(&mut self, pass: Option<u64>) -> BTreeMap<u64, Memcg> {
        let mut own = BTreeMap::new();
        self.memcgs.retain(|(of, memcg)| {
            let stays = *of != pass;
            if !stays {
                own.insert(memcg.id, *memcg);
            }
            stays
        });
        own
    }

    /// Returns the ballot of a pass that has no incident yet. The ballot of an earlier pass is dropped.
    pub(super) fn ballot_of(&mut self, pass: u64) -> &mut Ballot {
        let kept = self.ballot.take().filter(|(of, _)| *of == pass);
        &mut self.ballot.insert(kept.unwrap_or((pass, Ballot::default()))).1
    }

    /// Removes and returns the ballot that arrived before its incident.
    pub(super) fn take_ballot(&mut self, pass: Option<u64>) -> Option<Ballot> {
        let kept = self.ballot.take_if(|(of, _)| Some(*of) == pass);
        kept.map(|(_, ballot)| ballot)
    }

    /// Returns the shortage of a pass that has no incident yet. The shortage of an earlier pass is dropped.
    pub(super) fn shortage_of(&mut self, pass: u64) -> &mut Shortage {
        let kept = self.shortage.take().filter(|(of, _)| *of == pass);
        &mut self.shortage.insert(kept.unwrap_or((pass, Shortage::default()))).1
    }

    /// Returns the stacks that arrived before their incident.
    pub(super) fn waiting_call_trace(&mut self) -> Option<&mut CallTrace> {
        self.shortage.as_mut().and_then(|(_, shortage)| shortage.call_trace.as_mut())
    }

    /// Returns the stacks that arrived before their incident, if they are of this pass.
    pub(super) fn waiting_call_trace_of(&mut self, pass: Option<u64>) -> Option<&mut CallTrace> {
        let is_of_pass = self.shortage.as_ref().is_some_and(|(of, _)| Some(*of) == pass);
        self.waiting_call_trace().filter(|_| is_of_pass)
    }

    /// Removes and returns the shortage that arrived before its incident.
    pub(super) fn take_shortage(&mut self, pass: Option<u64>) -> Shortage {
        let kept = self.shortage.take_if(|(of, _)| Some(*of) == pass);
        kept.map(|(_, shortage)| shortage).unwrap_or_default()
    }

    /// Returns a cgroup and the cgroups above it, leaf first, from the latest readings outside of passes.
    pub(super) fn levels_above(&self, leaf: Option<u64>) -> Vec<Memcg> {
        let Some(leaf) = leaf else { return Vec::new() };
        let outside = self.memcgs.iter().filter(|(pass, _)| pass.is_none());
        let levels: BTreeMap<u64, Memcg> = outside.map(|(_, memcg)| (memcg.id, *memcg)).collect();
        cgroup::chain(&levels, leaf).into_iter().copied().collect()
    }

    pub(super) fn keep_kill(&mut self, boot_ns: u64, kill: Sigkill) {
        keep(&mut self.kills, (boot_ns, kill), WAITING_KILLS);
    }

    /// Returns the SIGKILL that was sent to a thread.
    pub(super) fn kill_of(&self, tid: Option<i32>) -> Option<Sigkill> {
        self.kills.iter().rev().map(|(_, kill)| *kill).find(|kill| Some(kill.tid) == tid)
    }

    /// Removes and returns the SIGKILL that was sent to a process.
    pub(super) fn take_kill(&mut self, pid: Option<i32>, tid: Option<i32>) -> Option<(u64, Sigkill)> {
        let fits = |kill: &Sigkill| pid.map_or(tid == Some(kill.tid), |pid| pid == kill.pid);
        let index = self.kills.iter().rposition(|(_, kill)| fits(kill))?;
        self.kills.remove(index)
    }

    /// Removes and returns the SIGKILLs that one thread sent in a span of time.
    pub(super) fn take_kills_by(&mut self, tid: i32, from_ns: u64, to_ns: u64) -> VecDeque<(u64, Sigkill)> {
        let own = |at: u64, kill: &Sigkill| kill.sender_tid == tid && at >= from_ns && at <= to_ns;
        let (own, other) = self.kills.drain(..).partition(|(at, kill)| own(*at, kill));
        self.kills = other;
        own
    }

    pub(super) fn keep_surroundings(&mut self, surroundings: Rc<Surroundings>) {
        self.surroundings = Some(surroundings);
    }

    /// Returns the surroundings, if they were read at about that time.
    pub(super) fn surroundings_near(&self, boot_ns: u64) -> Option<Rc<Surroundings>> {
        self.surroundings.clone().filter(|known| is_near(known, boot_ns))
    }

    pub(super) fn keep_request(&mut self, request: Option<SysrqRequest>) {
        self.requested = request.or(self.requested.take());
    }

    /// Removes and returns the request that a decision answers.
    pub(super) fn take_request(&mut self, now_ns: u64) -> Option<SysrqRequest> {
        self.requested.take().filter(|request| now_ns.saturating_sub(request.boot_ns) < REQUEST_NS)
    }

    pub(super) fn keep_victims(&mut self, incident: &Incident) {
        for victim in &incident.victims {
            let past =
                Past { task: victim.task.clone(), domain: incident.domain(), ended_ns: incident.last_ns };
            keep(&mut self.victims, past, VICTIMS);
        }
    }

    /// Returns the victims of finished incidents.
    pub(super) fn past_victims(&self) -> impl Iterator<Item = &Past> {
        self.victims.iter()
    }

    /// Remembers an incident's kind.
    pub(super) fn keep_repeat(&mut self, incident: &Incident) {
        self.kinds.keep(incident);
    }

    /// Returns earlier incidents of the same kind.
    pub(super) fn repeats_of(&self, incident: &Incident) -> Option<Repeats> {
        self.kinds.repeats(incident)
    }

    /// Remembers how many empty passes were reported.
    pub(super) fn keep_run(&mut self, incident: &Incident) {
        for run in incident.empty.iter().chain(&incident.other_empty) {
            keep(&mut self.runs, *run, RUNS);
        }
    }

    /// Number of passes of the run that were reported.
    pub(super) fn reported(&self, passes: &EmptyPasses) -> u64 {
        let same = |run: &&EmptyPasses| run.first_ns == passes.first_ns && run.emptiness == passes.emptiness;
        self.runs.iter().filter(same).map(|run| run.count).max().unwrap_or(0)
    }

    /// Whether a process was a victim of a finished incident.
    pub(super) fn was_victim(&self, task: &Task, now_ns: u64) -> bool {
        let lately = |past: &&Past| now_ns.saturating_sub(past.ended_ns) < VICTIMS_NS;
        self.victims.iter().filter(lately).any(|past| past.task.is_same_process(task))
    }

    /// Whether an incident in the domain had its last event at or after a time.
    pub(super) fn ended_in(&self, domain: Option<u64>, after_ns: u64) -> bool {
        self.victims.iter().any(|past| past.domain == domain && past.ended_ns >= after_ns)
    }
}

fn keep<T>(queue: &mut VecDeque<T>, item: T, most: usize) {
    if queue.len() >= most {
        queue.pop_front();
    }
    queue.push_back(item);
}
