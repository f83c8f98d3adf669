//! The events of the kernel side. Each file has one wire struct and the name of its hook.
//!
//! Structs grow only at the tail. A reader accepts shorter structs: the missing tail is zero, and its `present` bits are unset.
//! It also accepts longer structs and ignores the additional bytes.

mod arguments;
mod candidate;
mod empty_passes;
mod executable;
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
pub use executable::Executable;
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
