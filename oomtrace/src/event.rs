//! Events: one fact from the kernel, or one fact that oomtrace read at that moment.

use oomtrace_common::event as wire;

use crate::context;

/// A decoded frame.
#[derive(Clone, Debug)]
pub struct Stamped {
    /// `CLOCK_BOOTTIME` of the frame, ns.
    pub boot_ns: u64,
    /// The pass through `out_of_memory` that it belongs to.
    pub pass: Option<u64>,
    /// The decoded fact.
    pub event: Event,
}

/// A chunk of the table of candidates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidates {
    /// The counts of the whole table, and the position of this chunk.
    pub head: wire::CandidatesHead,
    /// The rows, in the kernel's order.
    pub rows: Vec<wire::Candidate>,
}

/// The fact in a frame.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is documented at its type")]
pub enum Event {
    OutOfMemory(wire::OutOfMemory),
    OutOfMemoryReturn(wire::OutOfMemoryReturn),
    OomKillProcess(wire::OomKillProcess),
    KillProcess(wire::KillProcess),
    OomGroup(wire::OomGroup),
    MarkVictim(wire::MarkVictim),
    Memcg(wire::Memcg),
    EmptyPasses(wire::EmptyPasses),
    Sigkill(wire::Sigkill),
    Sigterm(wire::Sigkill),
    UserKills(wire::UserKills),
    Exit(wire::Exit),
    Reap(wire::Reap),
    Arguments(wire::Arguments),
    Executable(wire::Executable),
    SysrqOom(wire::SysrqOom),
    Candidates(Candidates),
    Session(context::Session),
    Process(context::Process),
    Sysctl(context::Sysctl),
    Machine(context::Machine),
    Tick(context::Tick),
    Loss(context::Loss),
    RecorderLoss(context::RecorderLoss),
    Clock(context::Clock),
    MemoryStat(context::MemoryStat),
    CgroupPaths(context::CgroupPaths),
    Pressure(context::Pressure),
    Names(context::Names),
    LeadUp(context::LeadUp),
    Prekill(context::Prekill),
    Forecast(context::Forecast),
    Afterwards(context::Afterwards),
    Shortage(Shortage),
}

/// The distribution of the memory, and the requested allocation.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is documented at its type")]
pub enum Shortage {
    Zone(Box<wire::Zone>),
    Node(Box<wire::Node>),
    Stack(Box<wire::Stack>),
    Zones(context::Zones),
    Meminfo(context::Meminfo),
    Surroundings(context::Surroundings),
    KernelSymbols(context::KernelSymbols),
    UserSymbols(context::UserSymbols),
}

impl Shortage {
    /// Whether the event comes from the eBPF side.
    #[must_use]
    pub const fn is_of_kernel(&self) -> bool {
        matches!(self, Self::Zone(_) | Self::Node(_) | Self::Stack(_))
    }
}
