//! Chains of related kills.
//! An incident joins a chain when its decision is reported, so that all consumers see the same chain.

use std::collections::VecDeque;

use super::{
    memory_state::allowed_nodes,
    repeats::{Kind, REPEAT_NS, kind},
};
use crate::{
    bytes::ByteString,
    cgroup,
    incident::{Candidate, Chain, Incident, Link, PassedOver, Task},
};

/// Maximum number of chains that are remembered. Single incidents count as chains.
const CHAINS: usize = 64;

/// Maximum number of victims that are remembered for each chain.
const VICTIMS: usize = 32;

/// Maximum number of kinds of victims that are remembered for each chain.
const KINDS: usize = 8;

/// Time after the last incident of a chain within which another one for the same memory joins the chain, ns.
const DOMAIN_NS: u64 = 10_000_000_000;

/// The memory that ran out.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Domain {
    /// The nodes that the allocation may use; `None` for all.
    Machine(Option<Vec<i32>>),
    /// A cgroup, by its path. A cgroup that was created again has another id.
    Cgroup(ByteString),
}

impl Domain {
    /// Whether both lack the same memory. A cpuset or a memory policy may confine allocations to different nodes.
    fn shares(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Machine(Some(own)), Self::Machine(Some(other))) => {
                own.iter().any(|node| other.contains(node))
            }
            (Self::Machine(_), Self::Machine(_)) => true,
            _ => self == other,
        }
    }
}

/// The part of a chain that is remembered.
#[derive(Clone, Debug)]
struct Past {
    first_ns: u64,
    last_ns: u64,
    count: u64,
    domain: Option<Domain>,
    /// The user-space process that sent the kills; `None` for a decision by the kernel.
    sender: Option<Task>,
    /// The latest victim that the kernel or the sender chose.
    last: Task,
    victims: VecDeque<(Option<i32>, Option<u64>)>,
    kinds: VecDeque<Kind>,
}

/// Chains of recent incidents. The chain that was joined last is at the end.
#[derive(Debug, Default)]
pub(super) struct Chains(VecDeque<Past>);

impl Chains {
    /// Adds an incident with victims, once. Sets its place unless it is the first incident of its chain.
    pub(super) fn join(&mut self, incident: &mut Incident) {
        if !incident.joined && incident.has_victims() {
            incident.joined = true;
            incident.chain = self.place(incident);
        }
    }

    fn place(&mut self, incident: &Incident) -> Option<Chain> {
        let victim = chosen(incident)?.clone();
        let found = self.find(incident);
        let known = found.and_then(|(index, link)| Some((self.0.remove(index)?, link)));
        let at = incident.boot_ns;
        let (mut past, chain) = match known {
            Some((mut past, link)) => {
                past.count = past.count.saturating_add(1);
                let chain = Chain {
                    first_ns: past.first_ns,
                    position: past.count,
                    link,
                    previous_ns: past.last_ns,
                    previous: std::mem::replace(&mut past.last, victim),
                };
                (past, Some(chain))
            }
            None => (Past::beginning(at, victim), None),
        };
        past.add(incident);
        self.0.push_back(past);
        if self.0.len() > CHAINS {
            self.0.pop_front();
        }
        chain
    }

    /// Finds the chain that an incident belongs to. The strongest reason is tried first. For one reason, the latest chain
    /// wins.
    fn find(&self, incident: &Incident) -> Option<(usize, Link)> {
        let at = incident.boot_ns;
        let (stuck, domain, kind) = (stuck(incident), domain(incident), kind(incident));
        let sender = sender(incident);
        let latest = |link: Link, within_ns: u64, fits: &dyn Fn(&Past) -> bool| {
            let is_it = |past: &Past| at.saturating_sub(past.last_ns) < within_ns && fits(past);
            self.0.iter().rposition(is_it).map(|index| (index, link))
        };
        latest(Link::StuckVictim, REPEAT_NS, &|past| stuck.iter().any(|task| past.has_victim(task)))
            .or_else(|| {
                latest(Link::SameDomain, DOMAIN_NS, &|past| {
                    domain.as_ref().zip(past.domain.as_ref()).is_some_and(|(own, known)| own.shares(known))
                })
            })
            .or_else(|| {
                latest(Link::SameSender, DOMAIN_NS, &|past| {
                    sender.zip(past.sender.as_ref()).is_some_and(|(own, known)| own.is_same_process(known))
                })
            })
            .or_else(|| {
                latest(Link::SameVictim, REPEAT_NS, &|past| {
                    kind.as_ref().is_some_and(|kind| past.kinds.contains(kind))
                })
            })
    }
}

impl Past {
    fn beginning(at: u64, victim: Task) -> Self {
        Self {
            first_ns: at,
            last_ns: at,
            count: 1,
            domain: None,
            sender: None,
            last: victim,
            victims: VecDeque::new(),
            kinds: VecDeque::new(),
        }
    }

    /// Adds the facts of the latest incident to the chain.
    fn add(&mut self, incident: &Incident) {
        self.last_ns = self.last_ns.max(incident.boot_ns);
        self.domain = domain(incident).or_else(|| self.domain.take());
        self.sender = sender(incident).cloned();
        for victim in &incident.victims {
            keep(&mut self.victims, (victim.task.pid, victim.task.start_boot_ns), VICTIMS);
        }
        if let Some(kind) = kind(incident).filter(|kind| !self.kinds.contains(kind)) {
            keep(&mut self.kinds, kind, KINDS);
        }
    }

    fn has_victim(&self, task: &Task) -> bool {
        task.pid.is_some() && self.victims.contains(&(task.pid, task.start_boot_ns))
    }
}

fn keep<T>(queue: &mut VecDeque<T>, item: T, most: usize) {
    if queue.len() >= most {
        queue.pop_front();
    }
    queue.push_back(item);
}

/// Returns the chosen process.
fn chosen(incident: &Incident) -> Option<&Task> {
    incident.chosen().map(|victim| &victim.task)
}

/// Returns the memory that ran out, if any did and the decision was seen. On the tracepoint tier the victim's cgroup takes its place.
fn domain(incident: &Incident) -> Option<Domain> {
    let path = |id: u64| cgroup::path(&incident.memcgs, id).map(Domain::Cgroup);
    match (&incident.user_kill, incident.pass, &incident.request) {
        (Some(_), _, _) => None,
        // SysRq-f kills although no memory ran out.
        (None, Some(_), Some(request)) if request.order == -1 => None,
        (None, Some(_), Some(request)) => {
            request.memcg.map_or_else(|| Some(Domain::Machine(allowed_nodes(incident))), path)
        }
        (None, Some(_), None) => None,
        (None, None, _) => path(chosen(incident)?.memcg?),
    }
}

fn sender(incident: &Incident) -> Option<&Task> {
    incident.user_kill.as_ref().and(incident.trigger.as_ref())
}

/// Returns earlier victims that still held memory when the kernel chose again.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L321>
fn stuck(incident: &Incident) -> Vec<&Task> {
    let holds = |row: &&Candidate| {
        row.passed_over == Some(PassedOver::OomSkip)
            && row.task.memory.is_some_and(|memory| memory.resident_pages() > 0)
    };
    let rows = incident.ballot.iter().flat_map(|ballot| &ballot.candidates);
    rows.filter(holds).map(|row| &row.task).take(VICTIMS).collect()
}
