//! The short form of a report, for lists of many incidents.

use serde::Serialize;

use super::{Attribution, Chain, Report, Victim};
use crate::{
    bytes::ByteString,
    explain::{Code, Confidence, Outcome},
};

/// One incident of a list (`docs/list.md`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The incident's number among all incidents that were read, counted from 1 in the order of decisions.
    pub number: u64,
    /// The incident's name, as in the report.
    pub id: String,
    /// Wall clock of the decision, RFC 3339, UTC.
    pub time: Option<String>,
    /// `CLOCK_BOOTTIME` of the decision.
    pub boot_ns: u64,
    /// `uname -n`.
    pub host: Option<String>,
    /// Why memory ran out.
    pub cause: Code,
    /// Whether the cause was seen or concluded.
    pub confidence: Confidence,
    /// The outcome; `None` if the tier does not record it.
    pub outcome: Option<Outcome>,
    /// The cgroup that ran out; `None` if no cgroup ran out.
    pub cgroup: Option<ByteString>,
    /// Its limit.
    pub limit_bytes: Option<u64>,
    /// Number of processes that were killed or marked.
    pub victims: usize,
    /// The chosen victim.
    pub victim: Option<Chosen>,
    /// The process that allocated.
    pub trigger: Option<Name>,
    /// Whether no data of the incident is known to be missing.
    pub complete: bool,
    /// The place in a chain of kills; `None` if the incident is the first of its chain or alone.
    pub chain: Option<InChain>,
    /// The place of the domain, or of the victim if no cgroup ran out.
    #[serde(flatten)]
    pub place: Attribution,
}

/// A process by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Name {
    /// Process id.
    pub pid: Option<i32>,
    /// Name of the task.
    pub comm: Option<ByteString>,
}

/// The place of an incident in a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InChain {
    /// The `id` of the first incident.
    pub id: String,
    /// The number of the first incident; `None` if that incident was not read.
    pub number: Option<u64>,
    /// Number of incidents so far, including this one.
    pub position: u64,
    /// Time since the first incident, ns.
    pub since_ns: u64,
}

/// The chosen victim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chosen {
    /// Its pid and name.
    #[serde(flatten)]
    pub name: Name,
    /// Path of its memory cgroup.
    pub cgroup: Option<ByteString>,
    /// Resident memory at the decision.
    pub resident_bytes: Option<u64>,
    /// A number from -1000 to 1000.
    pub oom_score_adj: Option<i16>,
}

impl Row {
    /// Builds the row of the incident with this number.
    #[must_use]
    pub fn of(number: u64, report: &Report) -> Self {
        Self {
            number,
            id: report.id.clone(),
            time: report.time.clone(),
            boot_ns: report.boot_ns,
            host: report.host.clone(),
            cause: report.cause.code,
            confidence: report.cause.confidence,
            outcome: report.selection.outcome,
            cgroup: report.domain.cgroup.clone(),
            limit_bytes: report.domain.limit_bytes,
            victims: report.victims.len(),
            victim: report.chosen().map(chosen),
            trigger: report
                .trigger
                .as_ref()
                .map(|trigger| Name { pid: trigger.pid, comm: trigger.comm.clone() }),
            complete: report.status.complete,
            chain: report.chain.as_ref().map(in_chain),
            place: place(report),
        }
    }
}

fn place(report: &Report) -> Attribution {
    let of_victim = || report.chosen().map(|victim| &victim.process.place);
    let of_domain = report.domain.place().filter(|_| report.domain.cgroup.is_some());
    of_domain.or_else(of_victim).cloned().unwrap_or_default()
}

fn in_chain(chain: &Chain) -> InChain {
    let Chain { id, number, position, since_ns, .. } = chain;
    InChain { id: id.clone(), number: *number, position: *position, since_ns: *since_ns }
}

fn chosen(victim: &Victim) -> Chosen {
    let process = &victim.process;
    Chosen {
        name: Name { pid: process.pid, comm: process.comm.clone() },
        cgroup: process.cgroup.clone(),
        resident_bytes: victim.memory.map(|memory| memory.resident_bytes()),
        oom_score_adj: process.oom_score_adj,
    }
}
