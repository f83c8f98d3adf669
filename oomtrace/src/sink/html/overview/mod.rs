//! Many incidents at a glance, in memory that does not grow with them: kills over time, by cgroup, by cause, repeat victims,
//! and the last incidents one by one.

mod chains;
mod frequent;
mod histogram;
mod page;

use std::collections::VecDeque;

use self::{chains::Chains, frequent::Frequent, histogram::Histogram};
use super::moment;
use crate::{
    bytes::ByteString,
    explain::{Code, Outcome},
    report::{Report, Row},
};

/// Incidents that have a row.
const ROWS: usize = 1000;

/// What is known of all incidents.
#[derive(Default)]
pub struct Overview {
    incidents: u64,
    kills: u64,
    /// Those without a wall clock.
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
    /// Of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an incident up, by the number it has in its list.
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

/// How many processes lost their lives.
fn kills(report: &Report) -> u64 {
    match report.selection.outcome {
        Some(Outcome::MarkedOnly | Outcome::NoKill) => 0,
        Some(Outcome::Killed | Outcome::GroupKilled) | None => {
            u64::try_from(report.victims.len()).unwrap_or(u64::MAX)
        }
    }
}

/// The cgroup that ran out; else, the chosen one's. Absent where the machine ran out and nothing is known of the victim.
fn place(report: &Report) -> Option<ByteString> {
    let victims = report.victims.iter().map(|victim| &victim.process.cgroup);
    std::iter::once(&report.domain.cgroup).chain(victims).flatten().next().cloned()
}

#[cfg(test)]
mod tests;
