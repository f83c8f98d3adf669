//! Measures the memory of one domain now, for a command that has no history.

use std::{os::fd::OwnedFd, path::Path};

use rustix::fs::{CWD, OFlags};

use super::{
    reading::{
        cgroup::{Names, Own},
        files::{Files, open},
        machine::machine,
    },
    room::{self, Swap, curve},
    table::{Sample, Totals},
};
use crate::{
    bytes::ByteString,
    forecast::{Forecast, LONGEST_NS, forecast},
    kernel::clock,
    source::cgroup::{cgroupfs::MemoryHierarchy, memcg::directory},
};

/// Number of samples that are kept: one per second for a minute, and some more.
const SAMPLES: usize = 128;

/// Measures the memory of the machine or of a cgroup repeatedly.
pub struct Gauge {
    files: Files,
    meminfo: Option<OwnedFd>,
    cgroup: Option<(Names, OwnedFd)>,
    samples: Vec<Sample>,
    capacity: Option<u64>,
}

impl Gauge {
    /// Creates a gauge for the machine.
    #[must_use]
    pub fn of_machine() -> Self {
        let meminfo = open(CWD, "/proc/meminfo", OFlags::RDONLY);
        Self { files: Files::new(), meminfo, cgroup: None, samples: Vec::new(), capacity: None }
    }

    /// Creates a gauge for a cgroup; `None` if it does not exist.
    #[must_use]
    pub fn of_cgroup(hierarchy: &MemoryHierarchy, path: &ByteString) -> Option<Self> {
        let directory: &Path = &directory(hierarchy.mount(), path);
        let cgroup = open(CWD, directory, OFlags::PATH | OFlags::DIRECTORY)?;
        Some(Self { cgroup: Some((Names::of(hierarchy), cgroup)), ..Self::of_machine() })
    }

    /// Takes a sample.
    pub fn read(&mut self) {
        let at_ns = clock::boot_ns();
        let meminfo = self.meminfo.as_ref().and_then(|file| self.files.again(file));
        let Some((mut sample, totals)) = meminfo.map(|text| machine(text, at_ns)) else { return };
        self.capacity = totals.memory.map(|memory| memory.saturating_add(totals.swap.unwrap_or(0)));
        if let Some((names, directory)) = &self.cgroup {
            let swap = swap(&sample, totals);
            sample = Sample::at(at_ns);
            sample.usage = super::table::Kib::of(names.usage(&mut self.files, directory));
            let own = names.read(&mut self.files, directory, swap.total > 0, &mut sample);
            self.capacity = capacity(own, &sample, swap);
        }
        self.samples.retain(|earlier| at_ns.saturating_sub(earlier.at_ns) <= LONGEST_NS);
        if self.samples.len() < SAMPLES {
            self.samples.push(sample);
        }
    }

    /// Forecasts when the domain runs out, from the samples so far; `None` if they do not rise in a straight line.
    #[must_use]
    pub fn forecast(&self) -> Option<Forecast> {
        let mut points = Vec::new();
        curve(&self.samples, &mut points);
        forecast(&points, self.capacity?)
    }

    /// Returns the time between the first and the last sample, ns.
    #[must_use]
    pub fn over_ns(&self) -> u64 {
        let ends = self.samples.first().zip(self.samples.last());
        ends.map_or(0, |(first, last)| last.at_ns.saturating_sub(first.at_ns))
    }
}

/// Returns the machine's swap.
fn swap(machine: &Sample, totals: Totals) -> Swap {
    Swap { total: totals.swap.unwrap_or(0), used: machine.swap.bytes().unwrap_or(0) }
}

fn capacity(own: Own, sample: &Sample, swap: Swap) -> Option<u64> {
    let own_swap = sample.swap.bytes().unwrap_or(0);
    Some(room::of_cgroup(own.limit.bytes()?, own.swap_limit.bytes(), own_swap, swap))
}

#[cfg(test)]
mod tests {
    use super::Gauge;

    #[test]
    fn reads_the_machine() {
        let mut gauge = Gauge::of_machine();
        gauge.read();
        gauge.read();
        assert_eq!(gauge.samples.len(), 2);
        let held = gauge.samples[0].held_bytes().unwrap();
        assert!(held > 0 && held <= gauge.capacity.unwrap());
    }
}
