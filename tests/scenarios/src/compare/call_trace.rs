//! The trigger's kernel stack against the call trace in the log: the same calls at the same places. What it wanted memory for is
//! known to the scenario.

use serde_json::Value;

use super::incident::{Case, LOG, SCENARIO};
use super::ledger::Ledger;
use crate::witness::Kind;

const FIELD: &str = "allocation.stack";

pub(super) fn judge(case: &Case<'_>, ledger: &mut Ledger<'_>) {
    stack(case, ledger);
    let kinds = &case.scenario.expect.allocation_kinds;
    if !kinds.is_empty() {
        let is_one = |kind: &Value| kind.as_str().is_some_and(|kind| kinds.iter().any(|one| one == kind));
        ledger.check(SCENARIO, "allocation.kind", &format!("one of {kinds:?}"), is_one);
    }
}

fn stack(case: &Case<'_>, ledger: &mut Ledger<'_>) {
    let sure = case.incident.call_trace.iter().filter(|call| call.kind != Kind::Guess);
    // Where a return probe hides the caller, the tracer's own way through the stack may show it.
    let hidden = sure.clone().take_while(|call| call.kind == Kind::Replaced).count();
    let places: Vec<&str> = sure.skip(hidden).map(|call| call.place.as_str()).collect();
    if places.is_empty() {
        return;
    }
    let is_cut = ledger.value("allocation.stack_cut") == Some(&Value::Bool(true));
    ledger.check(LOG, FIELD, &places.join(" "), |stack| {
        let calls: Vec<&str> = stack.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let told: Vec<&str> = calls.iter().map(|call| place(call)).collect();
        (0..=hidden).any(|more| {
            told.get(more..).is_some_and(|told| {
                told == places.as_slice() || (is_cut && !told.is_empty() && places.starts_with(told))
            })
        })
    });
}

/// `function+0xOFFSET` of `function+0xOFFSET/0xSIZE [module]`.
fn place(call: &str) -> &str {
    let call = call.split(' ').next().unwrap_or(call);
    call.rsplit_once('/').map_or(call, |(place, _)| place)
}
