//! The findings as text.

use std::fmt::Write as _;

use super::findings::{Findings, HookFinding, Part, Privilege};
use crate::kernel::tier::Tier;

/// The table.
pub(super) fn table(findings: &Findings) -> String {
    let mut text = String::new();
    // Writing to a `String` cannot fail.
    let _ = write(&mut text, findings);
    text
}

fn write(text: &mut String, findings: &Findings) -> std::fmt::Result {
    writeln!(text, "kernel {}\n\nprivileges", findings.kernel)?;
    for Privilege { name, held, required, purpose } in &findings.privileges {
        let (mark, need) = (mark(*held), if *required { "required" } else { "optional" });
        writeln!(text, "  {mark} {name:<18} {need}: {purpose}")?;
    }
    writeln!(text, "\nsystem")?;
    for Part { name, found, otherwise } in &findings.system {
        let shown = found.as_deref().unwrap_or(otherwise);
        writeln!(text, "  {} {name:<18} {shown}", mark(found.is_some()))?;
    }
    write_fields(text, findings)?;
    if !findings.hooks.is_empty() {
        writeln!(text, "\nhooks")?;
        findings.hooks.iter().try_for_each(|hook| write_hook(text, hook))?;
    }
    write_verdict(text, findings)
}

fn write_fields(text: &mut String, findings: &Findings) -> std::fmt::Result {
    writeln!(text, "\nlayout: {} fields of the kernel's structures found by name", findings.fields_found)?;
    for field in &findings.fields {
        let value = field.value.map_or_else(|| "absent".to_owned(), |value| value.to_string());
        writeln!(text, "    {:<28} {value:>6}  {}", field.name, field.remark)?;
    }
    Ok(())
}

fn write_hook(text: &mut String, hook: &HookFinding) -> std::fmt::Result {
    let HookFinding { name, tier, tells, refusals } = hook;
    let tier = tier.map_or("none", Tier::name);
    writeln!(text, "  {} {name:<26} {tier:<11} tells {tells}", mark(hook.tier.is_some()))?;
    refusals.iter().try_for_each(|refusal| writeln!(text, "      {refusal}"))
}

fn write_verdict(text: &mut String, findings: &Findings) -> std::fmt::Result {
    match (&findings.problem, findings.tier) {
        (Some(problem), _) => writeln!(text, "\nwatch would not work: {problem}"),
        (None, Some(tier)) => {
            writeln!(text, "\nwatch would work, on the {} tier", tier.name())?;
            if tier == Tier::Tracepoint {
                writeln!(
                    text,
                    "  This tier sees each victim and the limits around it, not the decision: the cause is inferred,\n  \
                     and scores, policy and candidates are absent. A kernel with fentry (CONFIG_FUNCTION_TRACER and\n  \
                     direct calls) or kprobes (CONFIG_KPROBES) shows them."
                )?;
            }
            Ok(())
        }
        (None, None) => Ok(()),
    }
}

const fn mark(good: bool) -> &'static str {
    if good { "+" } else { "-" }
}
