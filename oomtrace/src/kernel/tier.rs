//! The three tiers: how much of a decision the running kernel lets oomtrace see.

use serde::{Deserialize, Serialize};

/// How much of a decision can be seen, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// `fentry` and `fexit`: typed arguments that the verifier audits.
    Fentry,
    /// `kprobe` and `kretprobe`: the same hooks where trampolines are refused.
    Kprobe,
    /// Tracepoints alone. They show which process died and when; the cause is inferred.
    Tracepoint,
}

impl Tier {
    /// Its name in reports, flags and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fentry => "fentry",
            Self::Kprobe => "kprobe",
            Self::Tracepoint => "tracepoint",
        }
    }
}

/// The value of `--tier`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// The best tier that this kernel allows, hook by hook.
    #[default]
    Best,
    /// Only this tier.
    Only(Tier),
}

impl Wanted {
    /// Whether hooks may use programs of this tier. Tracepoints belong to every tier.
    #[must_use]
    pub fn allows(self, tier: Tier) -> bool {
        match self {
            Self::Best => true,
            Self::Only(only) => tier == only || tier == Tier::Tracepoint,
        }
    }
}
