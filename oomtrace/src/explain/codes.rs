//! The codes of a verdict. They appear in the JSON and are never renamed.

use serde::Serialize;

macro_rules! codes {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name in the JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

codes! {
    /// Why memory ran out.
    Code {
        /// A memory cgroup's limit was hit by a charge.
        MemcgLimit = "memcg_limit",
        /// `memory.max` was set below the usage.
        MemcgLimitLowered = "memcg_limit_lowered",
        /// The machine, or the zones the allocation may use, ran out.
        Global = "global",
        /// The allocation was confined to a cpuset's nodes.
        Cpuset = "cpuset",
        /// The allocation was confined to a memory policy's nodes.
        Mempolicy = "mempolicy",
        /// SysRq-f.
        Sysrq = "sysrq",
        /// The multi-gen LRU's `min_ttl_ms`.
        Mglru = "mglru",
        /// No kernel OOM at all.
        Userspace = "userspace",
        /// The evidence does not decide.
        Unknown = "unknown",
    }
}

codes! {
    /// How sure a cause is.
    Confidence {
        /// Seen inside the decision.
        Observed = "observed",
        /// It follows from facts around the decision.
        Inferred = "inferred",
    }
}

codes! {
    /// How the victim was chosen.
    Policy {
        /// The highest badness.
        Badness = "badness",
        /// `vm.oom_kill_allocating_task`.
        AllocatingTask = "allocating_task",
        /// A task was already dying: no new victim.
        AlreadyExiting = "already_exiting",
        /// The highest badness, then the whole cgroup.
        OomGroup = "oom_group",
        /// No process may be killed.
        NoneKillable = "none_killable",
        /// The OOM killer is off.
        Disabled = "disabled",
        /// The allocation has no `__GFP_FS`: it must not cause a kill for the machine.
        GfpNofs = "gfp_nofs",
        /// A notifier freed memory.
        NotifierFreed = "notifier_freed",
        /// A BPF program freed memory or chose the victim, instead of the kernel.
        BpfProgram = "bpf_program",
    }
}

codes! {
    /// The outcome of the decision.
    Outcome {
        /// One process was killed (and those that share its memory).
        Killed = "killed",
        /// A whole cgroup was killed.
        GroupKilled = "group_killed",
        /// A dying process got access to reserves.
        MarkedOnly = "marked_only",
        /// No process was killed.
        NoKill = "no_kill",
    }
}

impl Code {
    /// Whether memory was short. A kill by SysRq-f, the multi-gen LRU or user space needs no shortage.
    #[must_use]
    pub const fn is_shortage(self) -> bool {
        match self {
            Self::MemcgLimit | Self::MemcgLimitLowered | Self::Global | Self::Cpuset | Self::Mempolicy => {
                true
            }
            Self::Sysrq | Self::Mglru | Self::Userspace | Self::Unknown => false,
        }
    }

    /// The code with this name.
    ///
    /// # Errors
    ///
    /// If no code has this name: a message that lists all names.
    pub fn from_name(name: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|code| code.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|code| code.name()).collect();
            format!("no such cause; the causes are {}", names.join(", "))
        })
    }
}
