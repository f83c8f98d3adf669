//! How much data the kernel side sends, and the sizes of the maps.

/// Size of the ring buffer in bytes; a power of two and a multiple of the page size. One kill takes about 4 KiB, so user space
/// may be about 250 kills behind before the first frame is lost (and counted). User space maps the ring once, so these bytes
/// count once toward oomtrace's resident memory.
pub const RING_BYTES: u32 = 1 << 20;

/// Chunks of the table of candidates, zones, nodes and stacks are sent only if at most this many bytes wait in the ring. A whole
/// table fits. The rest of the ring is reserved for the frames of the kill itself.
pub const RING_TABLE_BYTES: u64 = 7 << 17;

/// Size of `task_struct.comm` in bytes, with its terminating NUL.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/sched.h#L313>
pub const COMM_BYTES: usize = 16;

/// Number of bytes to copy of a cgroup's own name, with its NUL. A kernfs name has at most 255 bytes (`NAME_MAX`).
pub const CGROUP_NAME_BYTES: usize = 256;

/// Number of levels to walk in the cgroup tree, including the root. The path of a deeper cgroup is absent, because its upper
/// levels are unknown. The verifier walks the loop to its bound, 10 instructions per level. 32 levels are four times the depth of a
/// pod on systemd, and as many as the history follows.
pub const CGROUP_LEVELS: u32 = 32;

/// Number of bytes to copy of the kill message: enough to distinguish the messages of `out_of_memory`.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L1159>
pub const MESSAGE_BYTES: usize = 48;

/// Number of CPUs whose parts of a per-CPU counter are added. A machine with more CPUs gets only the approximate value.
pub const COUNTER_CPUS: u32 = 512;

/// Number of tasks inside `memory_max_write` that the kernel side can remember at the same time.
pub const MAX_WRITERS: u32 = 1024;

/// Number of runs of empty passes that the kernel side can count at the same time. A cgroup in which no kill helps has one or
/// two.
pub const EMPTY_RUNS: u32 = 256;

/// The shortest time between two frames of one run of empty passes, in ns. The first pass is sent immediately, the others as a
/// count.
pub const EMPTY_PASSES_EVERY_NS: u64 = 1_000_000_000;

/// Number of rows of a chunk of the table of candidates; a power of two. A chunk is one frame that ends after the last row in
/// use, and it is sent or lost as a whole.
pub const CHUNK_ROWS: u32 = 256;

/// Number of chunks of the table: 8192 candidates in 834 KiB, which the kernel allocates at the start. This is the largest power
/// of two with which a whole table fits into the ring. Further tasks are only counted, and the highest points among them are
/// kept.
pub const TABLE_CHUNKS: u32 = 32;

/// Number of rows of the whole table. The last row is reserved for a task that is chosen when all others are taken, so that the
/// table always contains the chosen task.
pub const TABLE_ROWS: u32 = CHUNK_ROWS * TABLE_CHUNKS;

/// Number of signals from user space that get their own frames in each [`USER_KILLS_EVERY_NS`], and in one act. All signals are
/// counted.
pub const USER_KILLS: u32 = 256;

/// Number of acts in user space that the kernel side can count at the same time, by sender and cgroup.
pub const USER_KILL_ACTS: u32 = 512;

/// The shortest time between two frames with the count of an act that continues, in ns. It is less than [`USER_KILL_BURST_NS`],
/// so that user space sees that the act continues. See [`user_kill_count_ns`].
pub const USER_KILL_COUNT_NS: u64 = 50_000_000;

/// The age of an act from which its count is sent less often, in ns. A recorder writes each count in a block of its own.
pub const USER_KILL_LONG_NS: u64 = 1_000_000_000;

/// The same as [`USER_KILL_COUNT_NS`] for an act that is older than [`USER_KILL_LONG_NS`].
pub const USER_KILL_LONG_COUNT_NS: u64 = 500_000_000;

/// The shortest time between two frames with the count of an act of this age, in ns.
#[must_use]
pub const fn user_kill_count_ns(age_ns: u64) -> u64 {
    if age_ns < USER_KILL_LONG_NS { USER_KILL_COUNT_NS } else { USER_KILL_LONG_COUNT_NS }
}

/// The time after an OOM kill in which SIGTERMs are sent, in ns. A service manager may then stop the other processes of the
/// service.
pub const SIGTERM_AFTER_KILL_NS: u64 = 2_000_000_000;

/// Number of programs whose SIGTERM is sent at any time, because their purpose is to kill when memory is short.
pub const KILLER_NAMES: u32 = 64;

/// Number of processes that such a program told to exit, and whose exit is sent.
pub const TERMINATED: u32 = 1024;

/// The longest time after the last such SIGTERM in which exits are sent, and in which a SIGKILL by the same sender belongs to the same
/// act, in ns. earlyoom and nohang send SIGKILL after 10 s at the latest.
/// <https://github.com/rfjakob/earlyoom/blob/v1.8.2/kill.c> (`kill_wait`)
pub const SIGTERM_WAIT_NS: u64 = 11_000_000_000;

/// Number of threads that can be between SIGKILL and the mark of an OOM kill at the same time, if passes are not seen.
pub const KILLERS: u32 = 256;

/// Number of times that paths of cgroups are sent for signals from user space in each [`USER_KILLS_EVERY_NS`].
pub const USER_KILL_PATHS: u32 = 32;

/// The period of [`USER_KILLS`] and [`USER_KILL_PATHS`], in ns.
pub const USER_KILLS_EVERY_NS: u64 = 1_000_000_000;

/// The longest pause between two signals of one act, in ns. Within this time, the paths that the kernel side sent and the
/// pressure that user space read are used for further kills in the same cgroup.
pub const USER_KILL_BURST_NS: u64 = 100_000_000;

/// The longest pause in one cgroup after which further signals still belong to the same act, in ns.
pub const USER_KILL_PAUSE_NS: u64 = 1_000_000_000;

/// The longest such pause of a write to `cgroup.kill`, in ns, and the number of processes from which it is allowed.
const WRITE_PAUSE_MAX_NS: u64 = 30_000_000_000;
const WRITE_PAUSE_MAX_COUNT: u64 = 30_000;

/// The longest pause between two signals of a write to `cgroup.kill`, in ns. The writer has to wait for a CPU while the processes die
/// that it has already killed: a millisecond for each of them.
#[must_use]
pub const fn write_pause_ns(killed: u64) -> u64 {
    let dying_ns = if killed < WRITE_PAUSE_MAX_COUNT {
        killed * (WRITE_PAUSE_MAX_NS / WRITE_PAUSE_MAX_COUNT)
    } else {
        WRITE_PAUSE_MAX_NS
    };
    if dying_ns > USER_KILL_PAUSE_NS { dying_ns } else { USER_KILL_PAUSE_NS }
}

/// Number of bytes to copy of a command line. Its frame must not be larger than the block of zeroes that clears a frame.
pub const ARGUMENTS_BYTES: usize = 440;

/// Number of bytes to copy of an executable's path. A name may begin in the first half only, so that the longest name fits.
pub const EXECUTABLE_BYTES: usize = 2 * PATH_NAME_BYTES;

/// Size of a name in a path in bytes, with its NUL; a power of two. A name has at most 255 bytes (`NAME_MAX`).
pub const PATH_NAME_BYTES: usize = 256;

/// Number of names and mounts to walk from an executable to the root. The path of a deeper executable is absent. The verifier
/// walks the loop to its bound.
pub const PATH_STEPS: u32 = 24;

/// Number of processes that can be between SIGKILL by the kernel and its delivery at the same time.
pub const PENDING_VICTIMS: u32 = 1024;

/// Number of zones of a zonelist that are sent. Further zones are only counted. A node has at most two or three zones, and mostly
/// one.
pub const ZONES: u32 = 64;

/// Number of zones of a zonelist that are counted. A longer list is reported with this length.
pub const ZONES_COUNTED: u32 = 256;

/// Size of a zone's name in bytes, with its NUL.
pub const ZONE_NAME_BYTES: usize = 16;

/// Greatest number of watermarks of a zone. Kernels have 3 or 4.
pub const WATERMARKS: usize = 8;

/// Greatest number of reserves of a zone, one per zone type. Kernels have up to 6.
pub const ZONE_CLASSES: usize = 8;

/// Greatest number of orders of free blocks. x86-64 has 11, and kernels with 64 KiB pages have 14.
pub const ZONE_ORDERS: usize = 16;

/// Greatest number of migrate types of free blocks. Kernels have 5 or 6.
pub const MIGRATE_TYPES: usize = 8;

/// Greatest number of counters of a zone. Kernels have 11 or 12.
pub const ZONE_COUNTERS: usize = 32;

/// Greatest number of counters of a node. Kernels have 37 to 69.
pub const NODE_COUNTERS: usize = 96;

/// Number of nodes in a node mask (`MAX_NUMNODES` is at most this).
pub const NODES: u32 = 1024;

/// Number of kernel calls to copy of a stack. An allocation has 15 to 30 calls, and the stack also contains the program's own
/// calls.
pub const KERNEL_CALLS: usize = 40;

/// Number of user calls to copy of a stack.
pub const USER_CALLS: usize = 16;

/// Size of a build id in bytes: SHA-1.
pub const BUILD_ID_BYTES: usize = 20;

/// The shortest time between two stacks of one thread if passes are not seen, in ns. The kernel marks the processes of a group
/// one after the other.
pub const STACK_EVERY_NS: u64 = 100_000_000;
