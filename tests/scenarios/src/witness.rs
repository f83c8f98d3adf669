//! The kernel's own OOM reports in its log, which only the tests read.
//!
//! A report is a sequence of records: `… invoked oom-killer`, the processor of the trigger, the domain's usage, the table of
//! candidates, `oom-kill:constraint=…`, and `Killed process …` for each victim. The kernel prints at most ten full reports in
//! five seconds, but every `Killed process` line. With `memory.oom.group`, the chosen process is killed twice, as the victim
//! and as a member, and has two lines.

mod assemble;
mod call_trace;
mod lines;
mod mem_info;
mod record;
mod stat;
mod table;

use std::collections::BTreeMap;

pub use self::assemble::read;
pub use self::call_trace::{Call, Kind};
pub use self::lines::{Invoked, Killed, Message, Summary, Usage};
pub use self::mem_info::{FreeBlocks, HugePool, MemInfo, Zone};
pub use self::table::Row;
use crate::text::Text;

/// One decision as the log shows it.
#[derive(Clone, Debug, Default)]
pub struct Incident {
    /// The line that begins a full report.
    pub invoked: Option<Invoked>,
    /// Thread id of the trigger, from the line that names the processor.
    pub trigger_tid: Option<u32>,
    /// Whether the trigger is a kernel thread, which cannot be killed for its allocation.
    pub trigger_is_kernel_thread: bool,
    /// Usage and limit of the memory cgroup that ran out.
    pub usage: Option<Usage>,
    /// Usage and limit of its swap, or of its memory and swap together on v1.
    pub swap: Option<Usage>,
    /// Its `memory.stat`, by the names of v2.
    pub stat: BTreeMap<String, u64>,
    /// The table of tasks.
    pub rows: Vec<Row>,
    /// The `oom-kill:` line.
    pub summary: Option<Summary>,
    /// The cgroup that is killed as a whole because of its `memory.oom.group`.
    pub group: Option<Text>,
    /// Victims in the order they were killed, each once.
    pub kills: Vec<Killed>,
    /// Ids of the group's members in the order they were killed, including the chosen process.
    pub members: Vec<u32>,
    /// Number of `Killed process` lines, including repeated ones.
    pub kill_lines: usize,
    /// Whether no process could be killed.
    pub none_killable: bool,
    /// Id of the chosen task, if it had given up its memory by then and was therefore not killed.
    pub exiting: Option<u32>,
    /// The calls that led the trigger to `out_of_memory`, innermost first, including guesses.
    pub call_trace: Vec<Call>,
    /// The state of the machine's memory. Absent in a report at a memory cgroup's limit.
    pub mem_info: Option<MemInfo>,
}

impl Incident {
    /// The process of a thread according to the table. Without a row, the number is taken as a process id.
    #[must_use]
    pub fn process_of(&self, tid: u32) -> u32 {
        self.row(tid).map_or(tid, |row| row.tgid)
    }

    /// The row of a task.
    #[must_use]
    pub fn row(&self, pid: u32) -> Option<&Row> {
        self.rows.iter().find(|row| row.pid == pid)
    }
}
