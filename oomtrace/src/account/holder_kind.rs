//! The reasons why a kill does not free a holder's memory.

use serde::Serialize;

/// Why a kill does not free a holder's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HolderKind {
    /// Its `oom_score_adj` is -1000.
    Exempt,
    /// It is the machine's init process.
    Init,
    /// Many processes that each score less than the victim.
    Many,
    /// Many processes that hold most of the memory in kernel stacks, page tables and slab.
    ForkBomb,
    /// Processes that moved to another cgroup or exited, and left their charges behind.
    LeftBehind,
}

impl HolderKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Exempt, Self::Init, Self::Many, Self::ForkBomb, Self::LeftBehind];

    /// Returns the name in the JSON.
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
