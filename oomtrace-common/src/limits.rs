//! How much of anything crosses the border, and how large the maps are.

/// Bytes of the ring buffer; a power of two and a multiple of the page size. One kill takes about 4 KiB, so this
/// is some 250 kills that user space may be behind before the first frame is lost (and counted). Our memory at rest has
/// it twice, because it is mapped twice in a row.
pub const RING_BYTES: u32 = 1 << 20;

/// Bytes of the ring that may wait when one more chunk of a table of candidates is sent: a whole table fits, and
/// what tells of the kill itself has the rest.
pub const RING_TABLE_BYTES: u64 = 7 << 17;

/// Bytes of `task_struct.comm`, its terminating NUL included.
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/sched.h#L313>
pub const COMM_BYTES: usize = 16;

/// Bytes of a cgroup's own name that are kept, its NUL included: a kernfs name is at most 255 bytes (`NAME_MAX`).
pub const CGROUP_NAME_BYTES: usize = 256;

/// Levels of the cgroup tree that are walked, the root included. A deeper cgroup's path is absent, for its upper levels
/// are unknown. The verifier walks the loop to its bound, about 0.5 ms a level: 16 is twice what a pod on systemd has.
pub const CGROUP_LEVELS: u32 = 16;

/// Bytes of the kill message that are kept: enough to tell the messages of `out_of_memory` apart.
/// <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L1159>
pub const MESSAGE_BYTES: usize = 48;

/// CPUs whose part of a per-CPU counter is added; a machine with more gets the approximate value alone.
pub const COUNTER_CPUS: u32 = 512;

/// Tasks that can be inside `memory_max_write` at one time and still be told apart.
pub const MAX_WRITERS: u32 = 1024;

/// Runs of empty passes that are told apart at one time. A cgroup that cannot be relieved has one or two.
pub const EMPTY_RUNS: u32 = 256;

/// Empty passes of one kind are sent at once for the first, then as one count, at most this often (ns).
pub const EMPTY_PASSES_EVERY_NS: u64 = 1_000_000_000;

/// Rows of a chunk of the table of candidates; a power of two. A chunk is one frame, sent as far as it is filled, and what
/// is lost as one. The verifier walks the loop over chunks to its bound, about 250 instructions a chunk.
pub const CHUNK_ROWS: u32 = 256;

/// Chunks of the table: 8192 candidates, in 834 KiB that the kernel holds from the start, and the most of which a whole
/// table fits the ring. What is beyond is counted, and the most points among it kept.
pub const TABLE_CHUNKS: u32 = 32;

/// Rows of the whole table. The last is for a task that is chosen when all others are taken: the winner is in the table
/// however many there are.
pub const TABLE_ROWS: u32 = CHUNK_ROWS * TABLE_CHUNKS;

/// SIGKILLs from user space that have frames of their own in each [`USER_KILLS_EVERY_NS`], and in one act; all are counted.
pub const USER_KILLS: u32 = 256;

/// Acts of user space that the kernel side counts at one time, by sender and cgroup.
pub const USER_KILL_ACTS: u32 = 512;

/// How often the count of an act is sent while it goes on, in ns. Less than [`USER_KILL_BURST_NS`], so that user space sees it go on.
pub const USER_KILL_COUNT_NS: u64 = 50_000_000;

/// How long after an OOM kill SIGTERMs are sent, in ns: a service manager stops what is left of the service.
pub const SIGTERM_AFTER_KILL_NS: u64 = 2_000_000_000;

/// Threads that are between SIGKILL and the mark of an OOM kill at one time, where passes are not seen.
pub const KILLERS: u32 = 256;

/// How often the paths of their cgroups are sent in that time.
pub const USER_KILL_PATHS: u32 = 32;

/// That time, in ns.
pub const USER_KILLS_EVERY_NS: u64 = 1_000_000_000;

/// How long the counters of a cgroup, and what user space looks up beside them, hold for further kills in it, in ns.
pub const USER_KILL_BURST_NS: u64 = 100_000_000;

/// Bytes of a command line that the kernel side copies: a frame of it is no longer than what clears one.
pub const ARGUMENTS_BYTES: usize = 440;

/// Zones of a zonelist that are sent; the rest is counted. A node has two or three at most, mostly one.
pub const ZONES: u32 = 64;

/// Zones of a zonelist that are counted. A longer list reads as this long.
pub const ZONES_COUNTED: u32 = 256;

/// Bytes of a zone's name, its NUL included.
pub const ZONE_NAME_BYTES: usize = 16;

/// Watermarks of a zone. Kernels have 3 or 4.
pub const WATERMARKS: usize = 8;

/// Classes of allocations that a zone keeps a reserve from, one a zone type. Kernels have up to 6.
pub const ZONE_CLASSES: usize = 8;

/// Orders of free blocks. x86-64 has 11, 64 KiB pages have 14.
pub const ZONE_ORDERS: usize = 16;

/// Migrate types of free blocks. Kernels have 5 or 6.
pub const MIGRATE_TYPES: usize = 8;

/// Counters of a zone. Kernels have 11 or 12.
pub const ZONE_COUNTERS: usize = 32;

/// Counters of a node. Kernels have 37 to 69.
pub const NODE_COUNTERS: usize = 96;

/// Nodes that a mask of nodes can hold (`MAX_NUMNODES` is at most this).
pub const NODES: u32 = 1024;

/// Kernel calls of a stack that are copied. An allocation is 15 to 30 deep, and the programs' own calls come on top.
pub const KERNEL_CALLS: usize = 40;

/// User calls of a stack that are copied.
pub const USER_CALLS: usize = 16;

/// Bytes of a build id: SHA-1.
pub const BUILD_ID_BYTES: usize = 20;

/// How long after a thread's stack was sent no other of it is, where passes are not seen: a group is killed mark by mark
/// (ns).
pub const STACK_EVERY_NS: u64 = 100_000_000;
