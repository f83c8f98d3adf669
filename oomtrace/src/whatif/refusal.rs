//! What a recording cannot answer, each with its reason.

/// Why there is no answer. All names in it are words already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The tracepoint tier, or a mark outside every pass.
    #[error(
        "the decision itself was not seen (tier tracepoint), so there is no table of candidates to decide by: record \
         with --tier fentry or kprobe"
    )]
    NotSeen,
    /// The pass's entry is missing.
    #[error("the beginning of the decision is not in the recording, so the domain is not known")]
    NoBeginning,
    /// Nobody was kept.
    #[error(
        "the recording has no table of candidates for this decision, so who else could have died is not known"
    )]
    NoBallot,
    /// The kernel's points are missing.
    #[error(
        "the kernel's points of a candidate are not in the recording (its oom_badness was not hooked, or a call was \
         missed), so no vote can be counted"
    )]
    NoPoints,
    /// Frames of the table were lost.
    #[error(
        "{missing} of the {evaluated} tasks the kernel looked at are missing from the recording (lost frames)"
    )]
    RowsLost {
        /// How many.
        missing: u32,
        /// Of how many.
        evaluated: u32,
    },
    /// The table names another winner than the decision.
    #[error(
        "the table of candidates does not have {chosen}, whom the kernel chose, as its first: it is not whole"
    )]
    Disagrees {
        /// Whom the kernel chose.
        chosen: String,
    },
    /// Candidates for which there was no room could win, or are meant.
    #[error("{left_out} candidates did not fit into the recorded table, and {because}")]
    LeftOut {
        /// How many.
        left_out: u32,
        /// Why they matter here.
        because: &'static str,
    },
    /// Nobody was chosen, for a reason that no change can remove.
    #[error(
        "nobody was chosen: {because}, and the kernel asks that before anything that can be changed here"
    )]
    NobodyChosen {
        /// Why.
        because: &'static str,
    },
    /// No candidate answers to that.
    #[error("no candidate {what} in this decision: only the tasks the kernel looked at can be changed")]
    UnknownTask {
        /// Such as "has the pid 5".
        what: String,
    },
    /// No such cgroup in the recording.
    #[error("the cgroup {cgroup} is not among those recorded with this decision ({known})")]
    UnknownCgroup {
        /// Its path.
        cgroup: String,
        /// Those that are.
        known: String,
    },
    /// Where a task lives is not known.
    #[error(
        "the path of the cgroup of {task} is not in the recording, so whether it is in {cgroup} is not known"
    )]
    CgroupUnknown {
        /// The task.
        task: String,
        /// The cgroup asked for.
        cgroup: String,
    },
    /// A task that was passed over has no counters to estimate its points by.
    #[error("the memory of {task} is not in the recording, so its points cannot be counted")]
    CountersUnknown {
        /// The task.
        task: String,
    },
    /// The allocating-task path evaluates nobody.
    #[error(
        "vm.oom_kill_allocating_task chose, so the kernel looked at no other task: who would have had the most points is \
         not in the recording"
    )]
    NeverEvaluated,
    /// Whether the trigger may be taken is not known.
    #[error(
        "{what} of the trigger is not in the recording, so whether it may be taken as allocating task is not known"
    )]
    TriggerUnknown {
        /// What is missing.
        what: &'static str,
    },
    /// The sysctl's value is not known and matters now.
    #[error(
        "the value of vm.oom_kill_allocating_task is not in the recording: say it with --allocating-task"
    )]
    SysctlUnknown,
    /// The machine ran out, not a cgroup.
    #[error(
        "no cgroup's limit was hit here: what the machine's memory would have looked like with another limit is not in the \
         recording"
    )]
    NotOfCgroup,
    /// The limit of a cgroup that the charge did not pass.
    #[error(
        "the memory that was asked for is not charged to {cgroup}, so its limit plays no part; those that do: {chain}"
    )]
    NotInChain {
        /// The cgroup.
        cgroup: String,
        /// The others.
        chain: String,
    },
    /// A lower limit is hit earlier.
    #[error(
        "with that limit {cgroup} would have run out earlier, when its processes used other amounts than those recorded"
    )]
    Earlier {
        /// The cgroup.
        cgroup: String,
    },
    /// A higher limit leaves the next one to be hit.
    #[error(
        "with that limit {cgroup}, further up, would have run out instead, and its other tasks are not recorded"
    )]
    OtherDomain {
        /// The cgroup.
        cgroup: String,
    },
    /// v1's limit of memory and swap together was hit.
    #[error(
        "the limit that {cgroup} hit is that of memory and swap together, and --limit changes that of memory alone"
    )]
    Memsw {
        /// The cgroup.
        cgroup: String,
    },
    /// The swap a domain may use is not known.
    #[error(
        "how much swap {cgroup} may use does not follow from the recording, so its new size cannot be counted"
    )]
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
    /// The root has no `memory.oom.group`.
    #[error("the root cgroup has no {file}")]
    Root {
        /// The file.
        file: &'static str,
    },
}
