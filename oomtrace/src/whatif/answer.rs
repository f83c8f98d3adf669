//! The answer: the decision before and after the change. The fields are those of the JSON (`docs/whatif.md`).

use serde::Serialize;

use crate::{
    account::Whole,
    bytes::ByteString,
    explain::{Code, Outcome, Policy},
    incident::Role,
};

/// The version of the JSON's schema. Keys are added, never renamed.
pub const SCHEMA: u32 = 1;

/// A repeated decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The incident's name, as in its report.
    pub id: String,
    /// Wall clock of the decision, RFC 3339, UTC.
    pub time: Option<String>,
    /// Why memory ran out.
    pub cause: Code,
    /// Bytes of a page.
    pub page_bytes: u64,
    /// The changes, in words.
    pub changes: Vec<String>,
    /// Whether some points are a sum of counters read beside the decision, instead of the kernel's points with one term
    /// exchanged.
    pub estimated: bool,
    /// The decision as it was.
    pub before: Decision,
    /// The decision as it would have been.
    pub after: Decision,
    /// The memory that ran out, and the part that no kill frees. `None` if the recording has no account of it.
    pub memory: Option<Memory>,
    /// How much later memory would have run out with a larger limit; `None` if it would have run out now, or if the rate is not
    /// known.
    pub later: Option<Later>,
    /// The candidates, best first after the change. Candidates that are passed over come last.
    pub candidates: Vec<Row>,
    /// Changes without an effect, and facts that the recording does not contain.
    pub remarks: Vec<String>,
    /// The answer in one sentence.
    pub summary: String,
}

/// The memory that ran out, before and after the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// The owner of the memory.
    pub of: Whole,
    /// The memory before the change.
    pub before: Room,
    /// The memory after the change.
    pub after: Room,
}

/// The memory of a cgroup or of the machine at the moment of the decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Room {
    /// The cgroup's limit, or the memory that the page allocator manages. `None` if there is no limit or it was not read.
    pub limit_bytes: Option<u64>,
    /// The memory in use.
    pub used_bytes: u64,
    /// The memory that is not in use. For the machine this is all free memory. Some of it must stay free.
    pub left_bytes: Option<u64>,
    /// The part of the memory in use that no kill frees.
    pub stays_bytes: u64,
    /// The part of the memory in use that a kill may or may not free.
    pub unknown_bytes: u64,
}

/// The decision, before or after the change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// Whether memory ran out at this moment at all.
    pub happens: bool,
    /// The policy.
    pub policy: Option<Policy>,
    /// The outcome.
    pub outcome: Option<Outcome>,
    /// Pages that scores are measured against.
    pub total_pages: Option<u64>,
    /// The points of the chosen process, in pages.
    pub points: Option<i64>,
    /// The points between the chosen process and the runner-up.
    pub margin_points: Option<i64>,
    /// The runner-up's pid.
    pub runner_up_pid: Option<i32>,
    /// The processes that die, the chosen one first.
    pub victims: Vec<Victim>,
}

/// The time when memory would have run out instead, if it had kept growing at the same rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Later {
    /// Time from the decision, ns.
    pub ns: u64,
    /// The rate of growth before the decision.
    pub bytes_per_second: u64,
    /// The cgroup that would have run out.
    pub cgroup: Option<ByteString>,
}

/// A process that dies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Victim {
    /// Process id.
    pub pid: Option<i32>,
    /// Its name.
    pub comm: Option<ByteString>,
    /// Path of its memory cgroup.
    pub cgroup: Option<ByteString>,
    /// Why it dies.
    pub role: Role,
}

/// A candidate before and after the change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Process id.
    pub pid: Option<i32>,
    /// Its name.
    pub comm: Option<ByteString>,
    /// Path of its memory cgroup.
    pub cgroup: Option<ByteString>,
    /// Whether the points after the change are a sum of counters.
    pub estimated: bool,
    /// The vote as it was.
    pub before: Vote,
    /// The vote as it would have been.
    pub after: Vote,
}

/// How the kernel treats a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Vote {
    /// A number from -1000 to 1000.
    pub oom_score_adj: Option<i16>,
    /// Points in pages; absent if the candidate is passed over.
    pub points: Option<i64>,
    /// The reason why it is passed over.
    pub passed_over: Option<&'static str>,
    /// Whether it dies.
    pub dies: bool,
}
