//! Parses the lines of a report. A name can contain anything, so each line is parsed from the side where no name can be. The
//! text contains each byte as the char with the same number.

use crate::text::Text;

/// `COMM invoked oom-killer: …`
/// (`dump_header`, <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L454>).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Invoked {
    /// Comm of the trigger.
    pub comm: Text,
    /// The allocation's flags.
    pub gfp_mask: u64,
    /// Their names.
    pub gfp_flags: Vec<String>,
    /// The allocation's order; -1 for SysRq-f.
    pub order: i32,
    /// `oom_score_adj` of the trigger.
    pub oom_score_adj: i16,
}

impl Invoked {
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (comm, rest) = line.rsplit_once(" invoked oom-killer: gfp_mask=")?;
        let (mask, rest) = rest.split_once('(')?;
        let (flags, rest) = rest.split_once("), order=")?;
        let (order, adj) = rest.split_once(", oom_score_adj=")?;
        Some(Self {
            comm: Text::from_chars(comm)?,
            gfp_mask: u64::from_str_radix(mask.trim_start_matches("0x"), 16).ok()?,
            gfp_flags: flags.split('|').map(str::to_owned).collect(),
            order: order.parse().ok()?,
            oom_score_adj: adj.trim_end().parse().ok()?,
        })
    }
}

/// Thread id on the line that names the processor, `CPU: 1 [UID: 0] PID: 150 Comm: …`
/// (`dump_stack_print_info`, <https://github.com/torvalds/linux/blob/v6.12/lib/dump_stack.c#L55>).
pub(super) fn trigger_tid(line: &str) -> Option<u32> {
    let (_, rest) = line.strip_prefix("CPU: ")?.split_once(" PID: ")?;
    rest.split_once(' ')?.0.parse().ok()
}

/// Whether a line of a call trace is in the function that every kernel thread begins with, or in kthreadd's own. After a return
/// probe, the kernel is not sure of the callers and marks the rest of the trace with `?` (`kthread`, `kthreadd`,
/// <https://github.com/torvalds/linux/blob/v6.12/kernel/kthread.c>).
pub(super) fn is_in_kernel_thread(line: &str) -> bool {
    let call = line.trim_start();
    let call = call.strip_prefix("? ").unwrap_or(call);
    call.starts_with("kthread+0x") || call.starts_with("kthreadd+0x")
}

/// The least value that means no limit (`PAGE_COUNTER_MAX`,
/// <https://github.com/torvalds/linux/blob/v6.12/include/linux/page_counter.h#L45>): that with pages of 64 KiB, the largest
/// pages. With smaller ones it is greater.
const NO_LIMIT_BYTES: u64 = (1 << 63) - (64 << 10);

/// Usage and limit of a memory cgroup or of its swap, `memory: usage 32768kB, limit 32768kB, failcnt 19`
/// (`mem_cgroup_print_oom_meminfo`, <https://github.com/torvalds/linux/blob/v6.12/mm/memcontrol.c#L1545>).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Usage {
    /// In bytes.
    pub usage_bytes: u64,
    /// In bytes.
    pub limit_bytes: u64,
}

impl Usage {
    /// Parses the counter `name`: `memory`, `swap`, or `memory+swap` on v1.
    pub(super) fn parse(name: &str, line: &str) -> Option<Self> {
        let rest = line.strip_prefix(name)?.strip_prefix(": usage ")?;
        let (usage, rest) = rest.split_once("kB, limit ")?;
        let (limit, _) = rest.split_once("kB, failcnt ")?;
        Some(Self { usage_bytes: kib(usage)?, limit_bytes: kib(limit)? })
    }

    /// The limit, if there is one.
    #[must_use]
    pub fn limit(&self) -> Option<u64> {
        (self.limit_bytes < NO_LIMIT_BYTES).then_some(self.limit_bytes)
    }
}

/// `oom-kill:constraint=…`
/// (`dump_oom_victim`, <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L443>).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Summary {
    /// `CONSTRAINT_NONE`, `_CPUSET`, `_MEMORY_POLICY` or `_MEMCG`.
    pub constraint: String,
    /// The memory cgroup whose limit was reached. Absent in a global OOM.
    pub oom_memcg: Option<Text>,
    /// The memory cgroup of the chosen task.
    pub task_memcg: Text,
    /// Comm of the chosen task.
    pub task: Text,
    /// Its id: a thread's, which may differ from the killed one.
    pub pid: u32,
    /// Its user.
    pub uid: u32,
}

/// Longest comm (`TASK_COMM_LEN` without the final NUL).
const COMM_LEN: usize = 15;

impl Summary {
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (constraint, rest) = line.strip_prefix("oom-kill:constraint=")?.split_once(',')?;
        let (rest, uid) = rest.rsplit_once(",uid=")?;
        let (rest, pid) = rest.rsplit_once(",pid=")?;
        // A cgroup's name may contain `,task=` too. A comm is short, so take the first position that leaves a comm.
        let leaves_comm = |at: usize| rest.get(at..).is_some_and(|end| end.chars().count() <= COMM_LEN + 6);
        let (at, _) = rest.match_indices(",task=").find(|&(at, _)| leaves_comm(at))?;
        let (rest, task) = rest.split_at_checked(at)?;
        let (rest, task_memcg) = rest.split_once(",task_memcg=")?;
        let oom_memcg = rest.split_once(",oom_memcg=").map(|(_, path)| path);
        Some(Self {
            constraint: constraint.to_owned(),
            oom_memcg: oom_memcg.and_then(Text::from_chars),
            task_memcg: Text::from_chars(task_memcg)?,
            task: Text::from_chars(task.strip_prefix(",task=")?)?,
            pid: pid.parse().ok()?,
            uid: uid.trim_end().parse().ok()?,
        })
    }
}

/// The beginning of a `Killed process` line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Message {
    /// `Out of memory`.
    OutOfMemory,
    /// `Out of memory (oom_kill_allocating_task)`.
    AllocatingTask,
    /// `Memory cgroup out of memory`.
    Memcg,
}

/// `MESSAGE: Killed process PID (COMM) …`
/// (`__oom_kill_process`, <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L947>).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Killed {
    /// The reason.
    pub message: Message,
    /// Id of the marked thread, which may differ from the process id.
    pub pid: u32,
    /// Its comm.
    pub comm: Text,
    /// Address space, in bytes.
    pub total_vm_bytes: u64,
    /// Private pages, in bytes.
    pub anon_rss_bytes: u64,
    /// Pages of files, in bytes.
    pub file_rss_bytes: u64,
    /// Shared pages, in bytes.
    pub shmem_rss_bytes: u64,
    /// User.
    pub uid: u32,
    /// Page tables, in bytes.
    pub pgtables_bytes: u64,
    /// `oom_score_adj`.
    pub oom_score_adj: i16,
}

impl Killed {
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (message, rest) = line.split_once(": Killed process ")?;
        let (pid, rest) = rest.split_once(" (")?;
        let (comm, rest) = rest.rsplit_once(") total-vm:")?;
        let (total_vm, rest) = rest.split_once("kB, anon-rss:")?;
        let (anon, rest) = rest.split_once("kB, file-rss:")?;
        let (file, rest) = rest.split_once("kB, shmem-rss:")?;
        let (shmem, rest) = rest.split_once("kB, UID:")?;
        let (uid, rest) = rest.split_once(" pgtables:")?;
        let (pgtables, adj) = rest.split_once("kB oom_score_adj:")?;
        Some(Self {
            message: message_of(message)?,
            pid: pid.parse().ok()?,
            comm: Text::from_chars(comm)?,
            total_vm_bytes: kib(total_vm)?,
            anon_rss_bytes: kib(anon)?,
            file_rss_bytes: kib(file)?,
            shmem_rss_bytes: kib(shmem)?,
            uid: uid.parse().ok()?,
            pgtables_bytes: kib(pgtables)?,
            oom_score_adj: adj.trim_end().parse().ok()?,
        })
    }
}

fn message_of(text: &str) -> Option<Message> {
    match text {
        "Out of memory" => Some(Message::OutOfMemory),
        "Out of memory (oom_kill_allocating_task)" => Some(Message::AllocatingTask),
        "Memory cgroup out of memory" => Some(Message::Memcg),
        _ => None,
    }
}

/// The cgroup of `Tasks in PATH are going to be killed due to memory.oom.group set`
/// (`mem_cgroup_print_oom_group`, <https://github.com/torvalds/linux/blob/v6.12/mm/memcontrol.c#L1693>).
pub(super) fn group(line: &str) -> Option<Text> {
    let end = " are going to be killed due to memory.oom.group set";
    Text::from_chars(line.strip_prefix("Tasks in ")?.trim_end().strip_suffix(end)?)
}

/// Whether the line says that no process could be killed.
pub(super) fn none_killable(line: &str) -> bool {
    line.starts_with("Out of memory and no killable processes")
}

/// The chosen task, `MESSAGE: OOM victim PID (COMM) is already exiting. Skip killing the task`
/// (`__oom_kill_process`, <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L932>). The kernel neither kills nor marks
/// it.
pub(super) fn exiting(line: &str) -> Option<u32> {
    let rest = line.strip_suffix(") is already exiting. Skip killing the task")?;
    let (message, rest) = rest.split_once(": OOM victim ")?;
    message_of(message)?;
    rest.split_once(" (")?.0.parse().ok()
}

fn kib(number: &str) -> Option<u64> {
    number.parse::<u64>().ok()?.checked_mul(1024)
}
