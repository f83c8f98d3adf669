//! The envelope: a header, and the bytes of one event.

use crate::event;

/// Stands before every event, in the ring buffer and in a recording.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct FrameHeader {
    /// What follows: a [`Kind`] as its number.
    pub kind: u16,
    /// Always 0.
    pub reserved: u16,
    /// Bytes of the event after this header.
    pub len: u32,
    /// `CLOCK_BOOTTIME` in ns when the frame was made.
    pub boot_ns: u64,
    /// The pass through `out_of_memory` it belongs to: its entry time in ns (one pass at a time holds `oom_lock`, so
    /// no two share it); 0 where the frame belongs to none.
    pub pass: u64,
}

const _: () = assert!(size_of::<FrameHeader>() == 24);

/// Kinds of frame. Numbers are never reused; from [`Kind::FIRST_CONTEXT`] on they come from user space.
#[repr(u16)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// [`event::OutOfMemory`]: a pass that leads to a kill or a mark began.
    OutOfMemory = 1,
    /// [`event::OutOfMemoryReturn`]: that pass returned.
    OutOfMemoryReturn = 2,
    /// [`event::OomKillProcess`]: the decision fell on a task.
    OomKillProcess = 3,
    /// [`event::KillProcess`]: a process is about to get SIGKILL.
    KillProcess = 4,
    /// [`event::OomGroup`]: the whole cgroup goes with the victim.
    OomGroup = 5,
    /// [`event::MarkVictim`]: a task was given access to memory reserves.
    MarkVictim = 6,
    /// [`event::Memcg`]: one level of a memory cgroup's path.
    Memcg = 7,
    /// [`event::EmptyPasses`]: passes through `out_of_memory` that killed nobody, counted.
    EmptyPasses = 8,
    /// [`event::Sigkill`]: SIGKILL was sent, by the kernel or from user space.
    Sigkill = 9,
    /// [`event::Exit`]: a task of a victim exited.
    Exit = 10,
    /// [`event::Reap`]: the OOM reaper took or left a victim's memory.
    Reap = 11,
    /// [`event::CandidatesHead`] and rows of [`event::Candidate`]: a chunk of the table of candidates.
    Candidate = 12,
    /// [`event::Arguments`]: the arguments of a victim that asked for memory itself.
    Arguments = 13,
    /// [`event::Zone`]: a zone that the allocation could fall back to.
    Zone = 14,
    /// [`event::Node`]: a memory node with such zones.
    Node = 15,
    /// [`event::Stack`]: the stacks of the task that asked for memory.
    Stack = 16,
    /// [`event::SysrqOom`]: an OOM kill was requested with SysRq-f.
    SysrqOom = 17,
    /// [`event::UserKills`]: signals of one sender from user space, counted.
    UserKills = 18,
    /// [`event::Sigkill`] of a SIGTERM from user space, soon after an OOM kill.
    Sigterm = 19,
    /// What user space knows of the machine and of the tracer, once at the start.
    Session = 0x100,
    /// What procfs said of a process.
    Process = 0x101,
    /// The sysctls that matter to a decision.
    Sysctl = 0x102,
    /// Time passed while an incident was open.
    Tick = 0x103,
    /// Frames that were lost, by kind.
    Loss = 0x104,
    /// `memory.stat` of the domain.
    MemoryStat = 0x105,
    /// Free memory of the machine.
    Machine = 0x106,
    /// Paths of candidates' cgroups.
    CgroupPaths = 0x107,
    /// How short memory was when user space sent SIGKILL.
    Pressure = 0x108,
    /// Frames that the recorder could not keep.
    RecorderLoss = 0x109,
    /// How the clocks differ, from now on.
    Clock = 0x10a,
    /// Zones and nodes as procfs shows them, where the decision was not seen.
    Zones = 0x10b,
    /// `/proc/meminfo`.
    Meminfo = 0x10c,
    /// Swap devices, huge pages, tmpfs mounts, shared memory and slab caches.
    Surroundings = 0x10d,
    /// Names of the kernel's addresses in a stack.
    KernelSymbols = 0x10e,
    /// Files and names of the user calls in a stack.
    UserSymbols = 0x10f,
    /// Names of containers, pods and users, as the files of the node tell them.
    Names = 0x118,
    /// What memory and processes did in the minutes before a decision.
    LeadUp = 0x128,
    /// Memory that runs out soon if it grows as before.
    Forecast = 0x130,
}

impl Kind {
    /// The first number of the context frames.
    pub const FIRST_CONTEXT: u16 = 0x100;

    /// Every kind, by number.
    pub const ALL: [Self; 38] = [
        Self::OutOfMemory,
        Self::OutOfMemoryReturn,
        Self::OomKillProcess,
        Self::KillProcess,
        Self::OomGroup,
        Self::MarkVictim,
        Self::Memcg,
        Self::EmptyPasses,
        Self::Sigkill,
        Self::Exit,
        Self::Reap,
        Self::Candidate,
        Self::Arguments,
        Self::Zone,
        Self::Node,
        Self::Stack,
        Self::SysrqOom,
        Self::UserKills,
        Self::Sigterm,
        Self::Session,
        Self::Process,
        Self::Sysctl,
        Self::Tick,
        Self::Loss,
        Self::MemoryStat,
        Self::Machine,
        Self::CgroupPaths,
        Self::Pressure,
        Self::RecorderLoss,
        Self::Clock,
        Self::Zones,
        Self::Meminfo,
        Self::Surroundings,
        Self::KernelSymbols,
        Self::UserSymbols,
        Self::Names,
        Self::LeadUp,
        Self::Forecast,
    ];

    /// The kind of that number, if there is one.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// Its number on the wire.
    #[must_use]
    #[expect(
        clippy::as_conversions,
        reason = "the discriminants are the numbers, and `repr(u16)` holds them"
    )]
    pub const fn number(self) -> u16 {
        self as u16
    }
}

/// Slots of the kernel's loss counters: one a kernel kind, by number.
pub const LOSS_SLOTS: u32 = 32;

/// The slot among them that counts OOM kills, each process once.
pub const KILLS_SLOT: u32 = 30;

/// The slot among them that counts those OOM kills of which all frames were lost.
pub const UNREPORTED_KILLS_SLOT: u32 = 31;

/// An event that has a kind of its own.
///
/// # Safety
///
/// The type is `repr(C)`, has no padding and no invalid bit patterns.
pub unsafe trait Wire: Copy {
    /// The kind its frames carry.
    const KIND: Kind;
}

macro_rules! wire {
    ($($event:ident = $size:literal),+ $(,)?) => { $(
        // SAFETY: the types in `event` are `repr(C)` integers and byte arrays; the assertion pins their size, and
        // with the feature `user` zerocopy checks that there is no padding.
        unsafe impl Wire for event::$event {
            const KIND: Kind = Kind::$event;
        }
        const _: () = assert!(size_of::<event::$event>() == $size);
    )+ };
}

wire! {
    OutOfMemory = 184,
    OutOfMemoryReturn = 48,
    OomKillProcess = 240,
    KillProcess = 160,
    OomGroup = 16,
    MarkVictim = 320,
    Memcg = 328,
    EmptyPasses = 72,
    Sigkill = 432,
    Exit = 24,
    Reap = 8,
    Arguments = 472,
    Zone = 632,
    Node = 784,
    Stack = 848,
    SysrqOom = 168,
    UserKills = 64,
}
