//! Kills that belong together, as one line each.

use std::collections::VecDeque;

use crate::{
    bytes::ByteString,
    report::{InChain, Report},
};

/// Chains that are remembered: those that went on last.
const KEPT: usize = 64;

/// Different names of victims that a chain has.
const NAMES: usize = 6;

/// Chains of incidents.
#[derive(Default)]
pub(super) struct Chains(VecDeque<Line>);

/// What is known of one.
pub(super) struct Line {
    /// The latest place in it.
    pub(super) latest: InChain,
    /// The cgroup of the latest.
    pub(super) cgroup: Option<ByteString>,
    /// Names of victims, and whether there were more.
    pub(super) names: Vec<ByteString>,
    pub(super) more_names: bool,
}

impl Chains {
    /// Takes an incident that is not the first of its chain.
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

    /// Those that went on last, first.
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
