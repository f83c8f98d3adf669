//! SysRq-f: the only caller with order -1. The trigger is a kernel worker and says nothing about who used memory.
//! <https://github.com/torvalds/linux/blob/v6.12/drivers/tty/sysrq.c#L389> (`moom_callback`)

use super::{Code, Finding};
use crate::incident::Incident;

pub(super) fn rule(incident: &Incident) -> Option<Finding> {
    let request = incident.request.as_ref()?;
    let evidence = vec!["oom_control.order is -1".to_owned()];
    (request.order == -1).then(|| Finding::observed(Code::Sysrq, None, evidence))
}
