//! The overview of many incidents, in bounded memory: kills over time, by cgroup and by cause, repeat victims, and a list of the
//! latest incidents.

mod chains;
mod frequent;
mod histogram;
mod page;

use std::collections::VecDeque;

use self::{chains::Chains, frequent::Frequent, histogram::Histogram};
use super::moment;
use crate::{
    bytes::ByteString,
    explain::Code,
    report::{Report, Row},
};

/// Number of incidents in the list.
const ROWS: usize = 1000;

/// The summary of all incidents.
#[derive(Default)]
pub struct Overview {
    incidents: u64,
    kills: u64,
    /// Number of incidents without a wall clock time.
    undated: u64,
    incomplete: u64,
    hosts: Frequent<String>,
    causes: Vec<(Code, u64)>,
    over_time: Histogram,
    cgroups: Frequent<Option<ByteString>>,
    victims: Frequent<Option<ByteString>>,
    chains: Chains,
    rows: VecDeque<Row>,
}

impl Overview {
    /// Returns an empty overview.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an incident under its number in the list.
    pub fn add(&mut self, number: u64, report: &Report) {
        let kills = kills(report);
        self.incidents += 1;
        self.kills = self.kills.saturating_add(kills);
        self.incomplete += u64::from(!report.status.complete);
        if let Some(host) = &report.host {
            self.hosts.add(host, 1, "");
        }
        let when = report.time.as_deref().unwrap_or_default();
        match moment::of(when) {
            Some(at) => self.over_time.add(at.unix_timestamp(), kills),
            None => self.undated += 1,
        }
        self.count_cause(report.cause.code);
        self.cgroups.add(&place(report), kills, when);
        if kills > 0 {
            for victim in &report.victims {
                let process = &victim.process;
                self.victims.add(
                    process.leader_comm.as_ref().map_or(&process.comm, |_| &process.leader_comm),
                    1,
                    when,
                );
            }
        }
        if self.rows.len() == ROWS {
            self.rows.pop_front();
        }
        let row = Row::of(number, report);
        if let Some(chain) = &row.chain {
            self.chains.add(chain, place(report), report);
        }
        self.rows.push_back(row);
    }

    fn count_cause(&mut self, code: Code) {
        match self.causes.iter_mut().find(|(known, _)| *known == code) {
            Some((_, count)) => *count += 1,
            None => self.causes.push((code, 1)),
        }
    }
}

/// Returns the number of killed processes.
fn kills(report: &Report) -> u64 {
    if report.has_killed() { u64::try_from(report.victims.len()).unwrap_or(u64::MAX) } else { 0 }
}

/// Returns the cgroup that ran out, or else the victim's. Returns `None` if the machine ran out and no victim's cgroup is known.
fn place(report: &Report) -> Option<ByteString> {
    let victims = report.victims.iter().map(|victim| &victim.process.cgroup);
    std::iter::once(&report.domain.cgroup).chain(victims).flatten().next().cloned()
}

#[cfg(test)]
mod tests;
