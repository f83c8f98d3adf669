//! Facts that outlive an incident or arrive before it, all bounded in size.

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

/// Processes that were looked up and are kept: more than one batch of kills names.
const PROCESSES: usize = 64;

/// Cgroup levels that wait for their incident.
const WAITING_MEMCGS: usize = 256;

/// SIGKILLs that wait for their mark.
const WAITING_KILLS: usize = 64;

/// Runs of empty passes that are remembered after a report.
const RUNS: usize = 64;

/// Victims that are remembered after their incident was closed.
const VICTIMS: usize = 256;

/// And for how long, ns: a victim's threads come back while it dies, and a number is used again after that.
const VICTIMS_NS: u64 = 10_000_000_000;

/// How long after its request SysRq-f may run, ns: a kernel worker must be free, and `oom_lock` too.
const REQUEST_NS: u64 = 10_000_000_000;

/// Bounded memory of the assembler.
#[derive(Debug, Default)]
pub(super) struct Memory {
    processes: VecDeque<Rc<Process>>,
    memcgs: VecDeque<(Option<u64>, Memcg)>,
    kills: VecDeque<(u64, Sigkill)>,
    victims: VecDeque<Past>,
    runs: VecDeque<EmptyPasses>,
    /// Of the latest pass that is not told yet: there is one at a time.
    ballot: Option<(u64, Ballot)>,
    /// Likewise.
    shortage: Option<(u64, Shortage)>,
    /// The latest: a decision that follows closely shares them.
    surroundings: Option<Rc<Surroundings>>,
    /// The latest request for SysRq-f that no decision has answered yet: several before one decision are one.
    requested: Option<SysrqRequest>,
    paths: BTreeMap<u64, ByteString>,
    paths_in_order: VecDeque<u64>,
    kinds: Kinds,
    /// Shared with the incidents: what is told later changes none that is over.
    names: Rc<KnownNames>,
}

/// A victim of an incident that is over.
#[derive(Clone, Debug)]
pub(super) struct Past {
    pub(super) task: Task,
    pub(super) domain: Option<u64>,
    pub(super) ended_ns: u64,
}

impl Memory {
    pub(super) fn keep_process(&mut self, process: Rc<Process>) {
        keep(&mut self.processes, process, PROCESSES);
    }

    /// What procfs said of those involved in an incident.
    pub(super) fn processes_of(&self, incident: &Incident) -> Vec<Rc<Process>> {
        let fits = |process: &&Rc<Process>| incident.involved().any(|task| is_of(process, task));
        self.processes.iter().rev().filter(fits).cloned().collect()
    }

    /// Whether procfs was asked about everybody involved.
    pub(super) fn knows_all_of(&self, incident: &Incident) -> bool {
        incident.involved().all(|task| self.processes.iter().any(|process| is_of(process, task)))
    }

    pub(super) fn keep_memcg(&mut self, pass: Option<u64>, memcg: Memcg) {
        keep(&mut self.memcgs, (pass, memcg), WAITING_MEMCGS);
    }

    /// The oldest are forgotten when whoever tells them does, and tells them again.
    pub(super) fn keep_cgroup_paths(&mut self, told: CgroupPaths) {
        for (id, path) in told.paths {
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

    /// Takes over names.
    pub(super) fn keep_names(&mut self, told: Names) {
        Rc::make_mut(&mut self.names).keep(told);
    }

    /// The names that were told so far.
    pub(super) fn names(&self) -> Rc<KnownNames> {
        Rc::clone(&self.names)
    }

    /// Paths of the candidates' cgroups, as far as they were told.
    pub(super) fn cgroups_of(&self, incident: &Incident) -> BTreeMap<u64, ByteString> {
        let candidates = incident.ballot.iter().flat_map(|ballot| &ballot.candidates);
        let ids = candidates.filter_map(|candidate| candidate.task.memcg);
        ids.filter_map(|id| Some((id, self.paths.get(&id)?.clone()))).collect()
    }

    /// The levels that came before their incident.
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

    /// The ballot of a pass that has no incident yet; that of an earlier one is forgotten.
    pub(super) fn ballot_of(&mut self, pass: u64) -> &mut Ballot {
        let kept = self.ballot.take().filter(|(of, _)| *of == pass);
        &mut self.ballot.insert(kept.unwrap_or((pass, Ballot::default()))).1
    }

    /// The ballot that came before its incident.
    pub(super) fn take_ballot(&mut self, pass: Option<u64>) -> Option<Ballot> {
        let kept = self.ballot.take_if(|(of, _)| Some(*of) == pass);
        kept.map(|(_, ballot)| ballot)
    }

    /// What was told of the shortage in a pass that has no incident yet; that of an earlier one is forgotten.
    pub(super) fn shortage_of(&mut self, pass: u64) -> &mut Shortage {
        let kept = self.shortage.take().filter(|(of, _)| *of == pass);
        &mut self.shortage.insert(kept.unwrap_or((pass, Shortage::default()))).1
    }

    /// The stacks that were told before their incident.
    pub(super) fn waiting_call_trace(&mut self) -> Option<&mut CallTrace> {
        self.shortage.as_mut().and_then(|(_, shortage)| shortage.call_trace.as_mut())
    }

    /// The shortage that was told before its incident.
    pub(super) fn take_shortage(&mut self, pass: Option<u64>) -> Shortage {
        let kept = self.shortage.take_if(|(of, _)| Some(*of) == pass);
        kept.map(|(_, shortage)| shortage).unwrap_or_default()
    }

    /// A cgroup and what is above it, of the levels that belong to no pass; the latest reading of each, leaf first.
    pub(super) fn levels_above(&self, leaf: Option<u64>) -> Vec<Memcg> {
        let Some(leaf) = leaf else { return Vec::new() };
        let outside = self.memcgs.iter().filter(|(pass, _)| pass.is_none());
        let levels: BTreeMap<u64, Memcg> = outside.map(|(_, memcg)| (memcg.id, *memcg)).collect();
        cgroup::chain(&levels, leaf).into_iter().copied().collect()
    }

    pub(super) fn keep_kill(&mut self, boot_ns: u64, kill: Sigkill) {
        keep(&mut self.kills, (boot_ns, kill), WAITING_KILLS);
    }

    /// The SIGKILL that went to a thread.
    pub(super) fn kill_of(&self, tid: Option<i32>) -> Option<Sigkill> {
        self.kills.iter().rev().map(|(_, kill)| *kill).find(|kill| Some(kill.tid) == tid)
    }

    /// The SIGKILL that went to a process, taken out.
    pub(super) fn take_kill(&mut self, pid: Option<i32>, tid: Option<i32>) -> Option<(u64, Sigkill)> {
        let fits = |kill: &Sigkill| pid.map_or(tid == Some(kill.tid), |pid| pid == kill.pid);
        let index = self.kills.iter().rposition(|(_, kill)| fits(kill))?;
        self.kills.remove(index)
    }

    /// SIGKILLs that one thread sent in a span of time, taken out.
    pub(super) fn take_kills_by(&mut self, tid: i32, from_ns: u64, to_ns: u64) -> VecDeque<(u64, Sigkill)> {
        let own = |at: u64, kill: &Sigkill| kill.sender_tid == tid && at >= from_ns && at <= to_ns;
        let (own, other) = self.kills.drain(..).partition(|(at, kill)| own(*at, kill));
        self.kills = other;
        own
    }

    pub(super) fn keep_surroundings(&mut self, surroundings: Rc<Surroundings>) {
        self.surroundings = Some(surroundings);
    }

    /// Surroundings that were read about then.
    pub(super) fn surroundings_near(&self, boot_ns: u64) -> Option<Rc<Surroundings>> {
        self.surroundings.clone().filter(|known| is_near(known, boot_ns))
    }

    pub(super) fn keep_request(&mut self, request: Option<SysrqRequest>) {
        self.requested = request.or(self.requested.take());
    }

    /// The request that a decision answers, taken out.
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

    /// The victims of incidents that are over.
    pub(super) fn past_victims(&self) -> impl Iterator<Item = &Past> {
        self.victims.iter()
    }

    /// Remembers what kind of incident it is.
    pub(super) fn keep_repeat(&mut self, incident: &Incident) {
        self.kinds.keep(incident);
    }

    /// Earlier incidents of the same kind.
    pub(super) fn repeats_of(&self, incident: &Incident) -> Option<Repeats> {
        self.kinds.repeats(incident)
    }

    /// Remembers how many empty passes were told.
    pub(super) fn keep_run(&mut self, incident: &Incident) {
        for run in incident.empty.iter().chain(&incident.other_empty) {
            keep(&mut self.runs, *run, RUNS);
        }
    }

    /// How many passes of that run were told.
    pub(super) fn told_of(&self, passes: &EmptyPasses) -> u64 {
        let same = |run: &&EmptyPasses| run.first_ns == passes.first_ns && run.emptiness == passes.emptiness;
        self.runs.iter().filter(same).map(|run| run.count).max().unwrap_or(0)
    }

    /// Whether a process was a victim of an incident that is over.
    pub(super) fn was_victim(&self, task: &Task, now_ns: u64) -> bool {
        let lately = |past: &&Past| now_ns.saturating_sub(past.ended_ns) < VICTIMS_NS;
        self.victims.iter().filter(lately).any(|past| past.task.is_same_process(task))
    }

    /// Whether an incident in that domain had its last event after a moment.
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
