//! A frame: a header and the bytes of one event.

use crate::event;

/// The header before every event, in the ring buffer and in a recording.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "user",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout)
)]
pub struct FrameHeader {
    /// The number of the event's [`Kind`].
    pub kind: u16,
    /// Always 0.
    pub reserved: u16,
    /// Bytes of the event after this header.
    pub len: u32,
    /// Creation time of the frame, `CLOCK_BOOTTIME` ns.
    pub boot_ns: u64,
    /// The entry time in ns of the pass through `out_of_memory` that the frame belongs to; 0 if it belongs to none. The time is
    /// unique, because only one pass at a time holds `oom_lock`.
    pub pass: u64,
}

const _: () = assert!(size_of::<FrameHeader>() == 24);

/// The kinds of frames. Numbers are never reused. Frames with numbers from [`Kind::FIRST_CONTEXT`] on come from user space.
#[repr(u16)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// [`event::OutOfMemory`]: the start of a pass that chose or marked a task.
    OutOfMemory = 1,
    /// [`event::OutOfMemoryReturn`]: the return of such a pass.
    OutOfMemoryReturn = 2,
    /// [`event::OomKillProcess`]: the kernel chose a task.
    OomKillProcess = 3,
    /// [`event::KillProcess`]: the kernel is about to send SIGKILL to a process.
    KillProcess = 4,
    /// [`event::OomGroup`]: the kernel kills the whole cgroup of the victim.
    OomGroup = 5,
    /// [`event::MarkVictim`]: a task got access to memory reserves.
    MarkVictim = 6,
    /// [`event::Memcg`]: one level of a memory cgroup's path.
    Memcg = 7,
    /// [`event::EmptyPasses`]: the number of passes through `out_of_memory` that killed no process.
    EmptyPasses = 8,
    /// [`event::Sigkill`]: SIGKILL was sent, by the kernel or from user space.
    Sigkill = 9,
    /// [`event::Exit`]: a task of a victim exited.
    Exit = 10,
    /// [`event::Reap`]: the OOM reaper frees or skips a victim's memory.
    Reap = 11,
    /// [`event::CandidatesHead`] and rows of [`event::Candidate`]: a chunk of the table of candidates.
    Candidate = 12,
    /// [`event::Arguments`]: the arguments of a victim that was also the allocating process.
    Arguments = 13,
    /// [`event::Zone`]: a zone that the allocation could fall back to.
    Zone = 14,
    /// [`event::Node`]: a memory node with such zones.
    Node = 15,
    /// [`event::Stack`]: the stacks of the allocating task.
    Stack = 16,
    /// [`event::SysrqOom`]: an OOM kill was requested with SysRq-f.
    SysrqOom = 17,
    /// [`event::UserKills`]: the number of signals from one sender in user space.
    UserKills = 18,
    /// [`event::Sigkill`], for a SIGTERM from user space soon after an OOM kill, or by a program whose purpose is to kill.
    Sigterm = 19,
    /// [`event::Arguments`]: the arguments of a process that received SIGKILL from the kernel.
    VictimArguments = 22,
    /// [`event::Executable`]: the executable of such a process.
    Executable = 23,
    /// Facts about the machine and the tracer, once at the start.
    Session = 0x100,
    /// Facts about a process from procfs.
    Process = 0x101,
    /// The sysctls that influence a decision.
    Sysctl = 0x102,
    /// Time passed while an incident was open.
    Tick = 0x103,
    /// Number of lost frames, by kind.
    Loss = 0x104,
    /// `memory.stat` of the domain.
    MemoryStat = 0x105,
    /// Free memory of the machine.
    Machine = 0x106,
    /// Paths of candidates' cgroups.
    CgroupPaths = 0x107,
    /// Memory pressure when user space sent SIGKILL.
    Pressure = 0x108,
    /// Number of frames that the recorder could not write.
    RecorderLoss = 0x109,
    /// The difference between the clocks from now on.
    Clock = 0x10a,
    /// Zones and nodes from procfs, if the decision was not seen.
    Zones = 0x10b,
    /// `/proc/meminfo`.
    Meminfo = 0x10c,
    /// Swap devices, huge pages, tmpfs mounts, shared memory and slab caches.
    Surroundings = 0x10d,
    /// The names of the kernel addresses in a stack.
    KernelSymbols = 0x10e,
    /// The files and names of the user calls in a stack.
    UserSymbols = 0x10f,
    /// Names of containers, pods and users, from files of the node.
    Names = 0x118,
    /// The course of memory and processes in the minutes before a decision.
    LeadUp = 0x128,
    /// The announcement of a killer in user space that it is about to kill a cgroup.
    Prekill = 0x12e,
    /// Memory that will run out soon at its present growth.
    Forecast = 0x130,
    /// What became of a victim's cgroup.
    Afterwards = 0x131,
}

impl Kind {
    /// The lowest number of the context frames.
    pub const FIRST_CONTEXT: u16 = 0x100;

    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 42] = [
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
        Self::VictimArguments,
        Self::Executable,
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
        Self::Prekill,
        Self::Forecast,
        Self::Afterwards,
    ];

    /// Returns the kind with this number, or `None`.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The number in the header.
    #[must_use]
    #[expect(
        clippy::as_conversions,
        reason = "the discriminants are the numbers, and `repr(u16)` holds them"
    )]
    pub const fn number(self) -> u16 {
        self as u16
    }
}

/// Number of slots of the kernel side's loss counters. A kernel kind's slot is its number.
pub const LOSS_SLOTS: u32 = 32;

/// The slot that counts OOM kills, each process once.
pub const KILLS_SLOT: u32 = 30;

/// The slot that counts OOM kills whose frames were all lost.
pub const UNREPORTED_KILLS_SLOT: u32 = 31;

/// An event with its own kind.
///
/// # Safety
///
/// The type is `repr(C)`, has no padding and no invalid bit patterns.
pub unsafe trait Wire: Copy {
    /// The kind in the header of its frames.
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
    OutOfMemoryReturn = 56,
    OomKillProcess = 256,
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
    Executable = 536,
}
