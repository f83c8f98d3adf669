//! Chains of kills, one line each.

use std::collections::VecDeque;

use crate::{
    bytes::ByteString,
    report::{InChain, Report},
};

/// Number of chains to remember: those with the latest incidents.
const KEPT: usize = 64;

/// Number of different victim names that a chain keeps.
const NAMES: usize = 6;

/// The chains of incidents, the latest last.
#[derive(Default)]
pub(super) struct Chains(VecDeque<Line>);

/// One chain.
pub(super) struct Line {
    /// The latest position in the chain.
    pub(super) latest: InChain,
    /// The cgroup of the latest incident.
    pub(super) cgroup: Option<ByteString>,
    /// Names of victims.
    pub(super) names: Vec<ByteString>,
    pub(super) more_names: bool,
}

impl Chains {
    /// Adds an incident that is not the first of its chain.
    pub(super) fn add(&mut self, place: &InChain, cgroup: Option<ByteString>, report: &Report) {
        let known = self.0.iter().position(|line| line.latest.id == place.id);
        let line = known.and_then(|index| self.0.remove(index));
        let mut line = line.unwrap_or_else(|| Line::beginning(place));
        if place.position >= line.latest.position {
            line.latest = place.clone();
        }
        line.cgroup = cgroup.or(line.cgroup);
        let victim = report.chosen().map(|victim| &victim.process);
        line.name(report.chain.as_ref().and_then(|chain| chain.previous.comm.as_ref()));
        line.name(victim.and_then(|process| process.leader_comm.as_ref().or(process.comm.as_ref())));
        self.0.push_back(line);
        if self.0.len() > KEPT {
            self.0.pop_front();
        }
    }

    /// Returns the chains, the one with the latest incident first.
    pub(super) fn latest_first(&self) -> impl Iterator<Item = &Line> {
        self.0.iter().rev()
    }
}

impl Line {
    fn beginning(place: &InChain) -> Self {
        Self { latest: place.clone(), cgroup: None, names: Vec::new(), more_names: false }
    }

    fn name(&mut self, name: Option<&ByteString>) {
        let Some(name) = name.filter(|name| !self.names.contains(name)) else { return };
        if self.names.len() == NAMES {
            self.more_names = true;
        } else {
            self.names.push(name.clone());
        }
    }
}
