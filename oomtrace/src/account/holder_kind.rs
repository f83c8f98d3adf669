//! The ways in which a holder of memory escapes a kill.

use serde::Serialize;

/// Why a kill does not reach a holder of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HolderKind {
    /// Its `oom_score_adj` is -1000.
    Exempt,
    /// It is the init of the machine.
    Init,
    /// Many processes that each score less than the victim.
    Many,
    /// Many processes whose kernel stacks, page tables and slab are the most of it.
    ForkBomb,
    /// Processes that moved to another cgroup, or are gone, and left their charges behind.
    LeftBehind,
}

impl HolderKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Exempt, Self::Init, Self::Many, Self::ForkBomb, Self::LeftBehind];

    /// Its name in the JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exempt => "exempt",
            Self::Init => "init",
            Self::Many => "many",
            Self::ForkBomb => "fork_bomb",
            Self::LeftBehind => "left_behind",
        }
    }
}
