//! The multi-gen LRU's `min_ttl_ms`: kswapd itself calls the OOM killer, without a zonelist.
//! <https://github.com/torvalds/linux/blob/v6.12/mm/vmscan.c#L4013> (`lru_gen_age_node`)

use crate::{
    explain::{Code, Finding},
    incident::Incident,
};

pub(in crate::explain) fn rule(incident: &Incident) -> Option<Finding> {
    let request = incident.request.as_ref()?;
    let kswapd = incident.trigger.as_ref().is_some_and(crate::incident::Task::is_kswapd);
    let evidence = vec!["oom_control.zonelist is NULL".to_owned(), "the trigger is kswapd".to_owned()];
    (!request.zonelist && kswapd).then(|| Finding::observed(Code::Mglru, None, evidence))
}
