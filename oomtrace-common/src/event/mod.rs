//! What the kernel says, one wire struct a file, each named as its hook.
//!
//! Structs grow at the tail only. A reader takes shorter ones (the missing tail reads as zero, and the `present`
//! bits of that tail are unset) and longer ones (the surplus is ignored).

mod arguments;
mod candidate;
mod empty_passes;
mod exit;
mod kill_process;
mod mark_victim;
mod memcg;
mod node;
mod oom_group;
mod oom_kill_process;
mod out_of_memory;
mod reap;
mod sigkill;
mod stack;
mod sysrq;
mod task;
mod user_kills;
mod zone;

pub use arguments::Arguments;
pub use candidate::{Candidate, CandidatesHead};
pub use empty_passes::{Emptiness, EmptyPasses, EmptyPassesRun, EmptyRun};
pub use exit::Exit;
pub use kill_process::KillProcess;
pub use mark_victim::MarkVictim;
pub use memcg::Memcg;
pub use node::Node;
pub use oom_group::OomGroup;
pub use oom_kill_process::OomKillProcess;
pub use out_of_memory::{OutOfMemory, OutOfMemoryReturn};
pub use reap::Reap;
pub use sigkill::Sigkill;
pub use stack::{Stack, UserCall};
pub use sysrq::SysrqOom;
pub use task::Task;
pub use user_kills::{Act, ActRun, UserKills};
pub use zone::Zone;
