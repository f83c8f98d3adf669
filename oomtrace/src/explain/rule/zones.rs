//! The page allocator called: the machine ran out of memory, or the nodes that a cpuset or a memory policy allows did.
//! <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L252> (`constrained_alloc`)

use crate::{
    explain::{Code, Finding},
    incident::Incident,
    kernel::facts::Constraint,
};

pub(in crate::explain) fn rule(incident: &Incident) -> Option<Finding> {
    let request = incident.request.as_ref()?;
    let Some(constraint) = constraint(incident) else {
        return request.zonelist.then(unsized_zones);
    };
    let code = match constraint {
        "cpuset" => Code::Cpuset,
        "memory_policy" => Code::Mempolicy,
        _ => Code::Global,
    };
    let mut evidence =
        vec!["oom_control.memcg is NULL".to_owned(), format!("oom_control.constraint is {constraint}")];
    if !request.zonelist {
        evidence.push("oom_control.zonelist is NULL".to_owned());
    }
    Some(Finding::observed(code, None, evidence))
}

/// The pass ended before the kernel checked whether anything confines the allocation.
fn unsized_zones() -> Finding {
    let evidence = vec![
        "oom_control.memcg is NULL".to_owned(),
        "the pass ended before the kernel determined its constraint".to_owned(),
    ];
    Finding::inferred(Code::Global, None, evidence)
}

/// The constraint by name. Its number may differ between kernels and is part of the session.
pub(crate) fn constraint(incident: &Incident) -> Option<&'static str> {
    let number = match (&incident.choice, &incident.returned, &incident.empty) {
        (Some(choice), _, _) => choice.constraint,
        (None, Some(returned), _) => returned.constraint,
        // The kernel sets the field when it computes the size of the domain.
        (None, None, Some(passes)) if passes.total_pages > 0 => passes.constraint,
        (None, None, _) => return None,
    };
    Some(match incident.session.as_ref()?.facts.constraint.meaning(number)? {
        Constraint::None => "none",
        Constraint::Cpuset => "cpuset",
        Constraint::MemoryPolicy => "memory_policy",
        Constraint::Memcg => "memcg",
    })
}
