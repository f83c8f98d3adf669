//! The forecast that sinks announce.

use std::cmp::Reverse;

use serde::Serialize;

use super::{Forecast, forecast};
use crate::{
    account::Whole,
    bytes::ByteString,
    context::{self, ProcessHistory, Session},
    lead_up::curve::Point,
};

/// The version of the JSON's schema. Keys are added, never renamed.
const SCHEMA: u32 = 1;

/// The most processes that are named.
const GROWERS: usize = 3;

/// Memory that will run out soon at its present rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Announcement {
    /// Version of the JSON's schema: 1.
    pub schema: u32,
    /// Distinguishes a forecast from an incident.
    pub kind: Kind,
    /// Wall clock of the last sample, RFC 3339, UTC.
    pub time: Option<String>,
    /// `CLOCK_BOOTTIME` of the last sample, ns.
    pub boot_ns: u64,
    /// `uname -n`.
    pub host: Option<String>,
    /// The owner of the memory.
    pub of: Whole,
    /// Path of the cgroup; `None` for the machine.
    pub cgroup: Option<ByteString>,
    /// The cgroup's limit, or all memory of the machine.
    pub limit_bytes: Option<u64>,
    /// How long before memory runs out the user wants to be warned, ns.
    pub horizon_ns: u64,
    /// The time and the rate.
    #[serde(flatten)]
    pub forecast: Forecast,
    /// The samples, oldest first.
    pub samples: Vec<Sample>,
    /// The processes that grew most while the rate was measured.
    pub growers: Vec<Grower>,
}

/// The kind of a JSON object that is not an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A forecast.
    Forecast,
}

/// Held memory at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// Time until the last sample, ns.
    pub before_ns: u64,
    /// Usage without page cache but with swap.
    pub held_bytes: u64,
}

/// A process that grew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Grower {
    /// Process id.
    pub pid: i32,
    /// Name.
    pub comm: Option<ByteString>,
    /// Growth of its memory while the rate was measured.
    pub growth_bytes: u64,
}

impl Announcement {
    /// Builds the announcement from the recorded history. Returns `None` if the memory does not grow in a straight line.
    #[must_use]
    pub fn new(frame: &context::Forecast, session: Option<&Session>) -> Option<Self> {
        let columns = frame.at_ns.iter().zip(&frame.held_bytes);
        let points: Vec<Point> =
            columns.map(|(at_ns, bytes)| Point { at_ns: *at_ns, bytes: *bytes }).collect();
        let last = points.last()?;
        let forecast = forecast(&points, frame.capacity_bytes)?;
        let sample = |point: &Point| Sample {
            before_ns: last.at_ns.saturating_sub(point.at_ns),
            held_bytes: point.bytes,
        };
        Some(Self {
            schema: SCHEMA,
            kind: Kind::Forecast,
            time: session.and_then(|session| session.date(last.at_ns)),
            boot_ns: last.at_ns,
            host: session.map(|session| session.host.clone()),
            of: if frame.memcg.is_some() { Whole::Cgroup } else { Whole::Machine },
            cgroup: frame.path.clone().filter(|_| frame.memcg.is_some()),
            limit_bytes: frame.limit_bytes,
            horizon_ns: frame.horizon_ns,
            forecast,
            samples: points.iter().map(sample).collect(),
            growers: growers(&frame.processes, last.at_ns.saturating_sub(forecast.over_ns)),
        })
    }
}

/// Returns the processes that grew most since a time.
fn growers(processes: &[ProcessHistory], since_ns: u64) -> Vec<Grower> {
    let grower = |process: &ProcessHistory| {
        let growth_bytes = process.resident_bytes.last()?.checked_sub(before(process, since_ns)?)?;
        let grower = Grower { pid: process.pid, comm: process.comm.clone(), growth_bytes };
        (growth_bytes > 0).then_some(grower)
    };
    let mut growers: Vec<Grower> = processes.iter().filter_map(grower).collect();
    growers.sort_by_key(|grower| Reverse(grower.growth_bytes));
    growers.truncate(GROWERS);
    growers
}

/// Returns the memory of a process at a time, or 0 if it had not started yet.
fn before(process: &ProcessHistory, since_ns: u64) -> Option<u64> {
    if process.start_boot_ns.is_some_and(|start| start >= since_ns) {
        return Some(0);
    }
    let samples = || process.at_ns.iter().zip(&process.resident_bytes);
    let last = samples().take_while(|(at_ns, _)| **at_ns <= since_ns).last().or_else(|| samples().next());
    last.map(|(_, bytes)| *bytes)
}
