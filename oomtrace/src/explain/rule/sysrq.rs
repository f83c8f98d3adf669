//! SysRq-f: the only caller with order -1. The trigger is a kernel worker and does not show which process used memory.
//! <https://github.com/torvalds/linux/blob/v6.12/drivers/tty/sysrq.c#L389> (`moom_callback`)

use crate::{
    explain::{Code, Finding, words},
    incident::{Incident, RequestSource, SysrqRequest},
};

pub(in crate::explain) fn rule(incident: &Incident) -> Option<Finding> {
    let request = incident.request.as_ref()?;
    let mut evidence = vec!["oom_control.order is -1".to_owned()];
    evidence.extend(incident.requested.as_ref().map(|request| requested(incident, request)));
    (request.order == -1).then(|| Finding::observed(Code::Sysrq, None, evidence))
}

/// The task that requested the kill, and how long before the decision.
pub(in crate::explain) fn requested(incident: &Incident, request: &SysrqRequest) -> String {
    let before = incident.boot_ns.saturating_sub(request.boot_ns) / 1_000;
    match (request.source, &request.requester) {
        (RequestSource::Written, Some(task)) => {
            format!(
                "{} wrote f to /proc/sysrq-trigger {before} us before the decision",
                words::name(incident, task)
            )
        }
        (RequestSource::Written, None) => {
            format!("f was written to /proc/sysrq-trigger {before} us before the decision")
        }
        (RequestSource::Input, _) => {
            format!("SysRq-f came from a keyboard or a serial line {before} us before the decision")
        }
        (RequestSource::Printed, _) => {
            format!("the kernel printed its message about SysRq-f {before} us before the decision")
        }
    }
}
