//! A request for an OOM kill with SysRq-f.

use oomtrace_common::event::SysrqOom;
use serde::Serialize;

use super::Task;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SysrqRequest {
    /// When it was made, `CLOCK_BOOTTIME` ns.
    pub boot_ns: u64,
    /// How it was made.
    pub source: RequestSource,
    /// The task that made it; absent where it was an input of the machine, or where that is not seen.
    pub requester: Option<Task>,
}

/// How SysRq-f was requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestSource {
    /// By a write to `/proc/sysrq-trigger`.
    Written,
    /// By a keyboard, a serial line or another input of the machine.
    Input,
    /// Only the kernel's message was seen.
    Printed,
}

impl SysrqRequest {
    /// The hook that sees requests.
    pub const HOOK: &'static str = "__handle_sysrq";

    /// From a frame; `None` for a source that a later version knows.
    pub(crate) fn new(boot_ns: u64, request: &SysrqOom) -> Option<Self> {
        let source = match request.source {
            SysrqOom::WRITTEN => RequestSource::Written,
            SysrqOom::INPUT => RequestSource::Input,
            SysrqOom::PRINTED => RequestSource::Printed,
            _ => return None,
        };
        let requester = (request.requester.present != 0).then(|| Task::from(&request.requester));
        Some(Self { boot_ns, source, requester })
    }
}
