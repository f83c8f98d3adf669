//! `oc->memcg` is set: a memory cgroup ran out, because of a charge or because its limit was lowered below its usage.
//! <https://github.com/torvalds/linux/blob/v6.12/mm/memcontrol.c#L4150> (`memory_max_write`)

use crate::{
    attribute::cgroup,
    explain::{Code, Finding, limits},
    incident::Incident,
};

pub(in crate::explain) fn rule(incident: &Incident) -> Option<Finding> {
    let request = incident.request.as_ref()?;
    let id = request.memcg?;
    let memcg = incident.memcgs.get(&id);
    let path = cgroup::path(&incident.memcgs, id);
    let mut evidence = vec![match &path {
        Some(path) => format!("oom_control.memcg is {}", path.to_words()),
        None => {
            format!("oom_control.memcg is the cgroup with id {id}, whose path could not be read completely")
        }
    }];
    evidence.extend(memcg.map(|memcg| limits::describe(memcg, incident.page_size())));
    // A writer may also hit its own cgroup's limit by an ordinary charge; only a lowered limit leaves usage above it.
    let over = memcg.is_none_or(|memcg| limits::is_over(memcg, incident.page_size()));
    let code = if request.memory_max_write && over {
        evidence.push("the trigger was inside memory_max_write".to_owned());
        Code::MemcgLimitLowered
    } else {
        Code::MemcgLimit
    };
    Some(Finding::observed(code, Some(id), evidence))
}
