//! Questions that a recording cannot answer, each with its reason.

/// The reason why there is no answer. All names in it are already escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The tracepoint tier, or a mark outside every pass.
    #[error(
        "the decision itself was not seen (tier tracepoint), so the recording has no candidates to choose from; record \
         with --tier fentry or kprobe"
    )]
    NotSeen,
    /// The pass's entry is missing.
    #[error("the beginning of the decision is not in the recording, so the domain is not known")]
    NoBeginning,
    /// The recording has no candidates.
    #[error(
        "the recording has no table of candidates for this decision, so it is not known which other processes could have been killed"
    )]
    NoBallot,
    /// The kernel's points are missing.
    #[error(
        "the kernel's points of a candidate are not in the recording (its oom_badness was not hooked, or a call was \
         missed), so the choice cannot be repeated"
    )]
    NoPoints,
    /// Frames of the table were lost.
    #[error(
        "{missing} of the {evaluated} tasks that the kernel examined are missing from the recording (lost frames)"
    )]
    RowsLost {
        /// Number of missing tasks.
        missing: u32,
        /// Number of examined tasks.
        evaluated: u32,
    },
    /// The table names another winner than the decision.
    #[error("the table of candidates is incomplete: its first row is not {chosen}, which the kernel chose")]
    Disagrees {
        /// The task that the kernel chose.
        chosen: String,
    },
    /// Candidates without a row could win, or the change may apply to them.
    #[error("{left_out} candidates did not fit into the recorded table, and {because}")]
    LeftOut {
        /// Number of such candidates.
        left_out: u32,
        /// Why they matter here.
        because: &'static str,
    },
    /// No task was chosen, for a reason that no change can remove.
    #[error(
        "no task was chosen: {because}, and the kernel checks that before anything that whatif can change"
    )]
    NobodyChosen {
        /// The reason.
        because: &'static str,
    },
    /// No candidate matches.
    #[error("no candidate {what} in this decision: whatif can change only tasks that the kernel examined")]
    UnknownTask {
        /// Such as "has the pid 5".
        what: String,
    },
    /// No such cgroup in the recording.
    #[error("the cgroup {cgroup} is not among those recorded with this decision ({known})")]
    UnknownCgroup {
        /// Its path.
        cgroup: String,
        /// The recorded cgroups.
        known: String,
    },
    /// The cgroup of a task is not known.
    #[error(
        "the path of the cgroup of {task} is not in the recording, so it is not known whether it is in {cgroup}"
    )]
    CgroupUnknown {
        /// The task.
        task: String,
        /// The requested cgroup.
        cgroup: String,
    },
    /// A task that was passed over has no counters to estimate its points by.
    #[error("the memory of {task} is not in the recording, so its points cannot be computed")]
    CountersUnknown {
        /// The task.
        task: String,
    },
    /// With `vm.oom_kill_allocating_task`, the kernel evaluates no task.
    #[error(
        "vm.oom_kill_allocating_task was set, so the kernel examined no other task: the recording does not show which task \
         would have had the most points"
    )]
    NeverEvaluated,
    /// It is not known whether the trigger can be chosen.
    #[error(
        "{what} of the trigger is not in the recording, so it is not known whether it could be chosen as the allocating task"
    )]
    TriggerUnknown {
        /// The missing fact.
        what: &'static str,
    },
    /// The sysctl's value is not known but matters after the change.
    #[error(
        "the value of vm.oom_kill_allocating_task is not in the recording; pass it with --allocating-task"
    )]
    SysctlUnknown,
    /// The machine ran out, not a cgroup.
    #[error(
        "no cgroup's limit was hit: the recording does not show how the machine's memory would have been used with another \
         limit"
    )]
    NotOfCgroup,
    /// The change is for a cgroup that the charge did not pass.
    #[error(
        "the allocation is not charged to {cgroup}, so its limit has no effect; it is charged to: {chain}"
    )]
    NotInChain {
        /// The cgroup.
        cgroup: String,
        /// The cgroups that it did pass.
        chain: String,
    },
    /// A lower limit is hit earlier.
    #[error(
        "with that limit, {cgroup} would have run out earlier, when its processes used other amounts of memory"
    )]
    Earlier {
        /// The cgroup.
        cgroup: String,
    },
    /// With a higher limit, another cgroup's limit is hit.
    #[error(
        "with that limit, {cgroup} above it would have run out instead, and its other tasks are not recorded"
    )]
    OtherDomain {
        /// The cgroup.
        cgroup: String,
    },
    /// v1's limit of memory and swap together was hit.
    #[error(
        "{cgroup} hit its limit of memory and swap together, and --limit changes only its limit of memory"
    )]
    Memsw {
        /// The cgroup.
        cgroup: String,
    },
    /// The swap that a domain may use is not known.
    #[error("the recording does not show how much swap {cgroup} may use, so its new size cannot be computed")]
    SwapUnknown {
        /// The cgroup.
        cgroup: String,
    },
    /// Counters or levels are missing.
    #[error("usage and limit of {cgroup} are not in the recording")]
    CounterUnknown {
        /// The cgroup.
        cgroup: String,
    },
    /// The recording does not show where the memory was.
    #[error(
        "the recording does not show where the memory was (zones of the machine, or memory.stat of the cgroup), so it is not \
         known what the change would have freed"
    )]
    NoAccount,
    /// The account has no such part.
    #[error("no memory was of the part {part} at this decision; there were: {known}")]
    NoPart {
        /// The part's name.
        part: &'static str,
        /// The parts that there were.
        known: String,
    },
    /// No such tmpfs in the recording.
    #[error("no tmpfs at {mount} is among those recorded with this decision ({known})")]
    UnknownMount {
        /// The requested mount point.
        mount: String,
        /// The recorded mounts.
        known: String,
    },
    /// It held less than the requested size.
    #[error(
        "{what} had {} only: with more in it, memory would have run out earlier, when other amounts were in use",
        crate::explain::size(*.bytes)
    )]
    HeldLess {
        /// The holder of the memory: a tmpfs or a part of the account.
        what: String,
        /// The number of bytes that it held.
        bytes: u64,
    },
    /// Its pages may be charged to other cgroups.
    #[error("the recording does not show how much of {what} is charged to {cgroup}")]
    ChargeUnknown {
        /// The holder of the memory: a tmpfs or a part of the account.
        what: String,
        /// The cgroup.
        cgroup: String,
    },
    /// The freed memory may be in zones that this allocation cannot use, and it is too little to fill them.
    #[error(
        "{} more free memory may not have been enough: it is not known in which zones it would have been free; {} would have \
         been enough in any",
        crate::explain::size(*.freed),
        crate::explain::size(*.enough)
    )]
    TooLittle {
        /// Bytes that the change frees.
        freed: u64,
        /// Bytes that are enough in any zone.
        enough: u64,
    },
    /// It is not known how much free memory would have been enough.
    #[error(
        "it is not known how much free memory would have been enough: the zones that this allocation may use are not \
         recorded, it needs several pages side by side, or SysRq requested the kill"
    )]
    NeedUnknown,
    /// The root has no `memory.oom.group`.
    #[error("the root cgroup has no {file}")]
    Root {
        /// The file.
        file: &'static str,
    },
}
