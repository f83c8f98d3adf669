//! A request for an OOM kill with SysRq-f.

use oomtrace_common::event::SysrqOom;
use serde::Serialize;

use super::Task;

/// One SysRq-f request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SysrqRequest {
    /// Time of the request, `CLOCK_BOOTTIME` ns.
    pub boot_ns: u64,
    /// How it was requested.
    pub source: RequestSource,
    /// The task that made the request; absent for an input device, or if the requester was not seen.
    pub requester: Option<Task>,
}

/// How SysRq-f was requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestSource {
    /// A write to `/proc/sysrq-trigger`.
    Written,
    /// A keyboard, a serial line or another input of the machine.
    Input,
    /// Unknown: only the kernel's message was seen.
    Printed,
}

impl SysrqRequest {
    /// The name of the hook that sees requests.
    pub const HOOK: &'static str = "__handle_sysrq";

    /// Converts a frame; `None` for a source that only a later version knows.
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
