//! Compares the trigger's kernel stack with the call trace in the log: the same calls at the same places. The scenario knows
//! the purpose of the allocation.

use serde_json::Value;

use super::incident::{Case, LOG, SCENARIO};
use crate::compare::ledger::Ledger;
use crate::witness::Kind;

const FIELD: &str = "allocation.stack";

pub(in crate::compare) fn judge(case: &Case<'_>, ledger: &mut Ledger<'_>) {
    let trace = Trace::of(case);
    if !trace.places.is_empty() {
        trace.judge(ledger);
    }
    let kinds = &case.scenario.expect.allocation_kinds;
    if !kinds.is_empty() {
        // The same fault allocates a page table first, once for each page block.
        let faults = kinds.iter().any(|one| one == "anon_fault");
        let fits = |kind: &str| kinds.iter().any(|one| one == kind) || (faults && kind == "page_table");
        let is_one = |kind: &Value| kind.as_str().is_some_and(fits);
        ledger.check(SCENARIO, "allocation.kind", &format!("one of {kinds:?}"), is_one);
    }
    if let Some(function) = &case.scenario.expect.user_function {
        ledger.same(SCENARIO, "allocation.user_stack.0.symbol", function.as_str());
    }
}

/// The reliable part of the log's trace.
struct Trace<'a> {
    /// Calls at the beginning whose places a return probe replaced. The tracer may see them, because it walks the stack in its
    /// own way.
    hidden: usize,
    /// The calls after those.
    places: Vec<&'a str>,
}

impl<'a> Trace<'a> {
    fn of(case: &Case<'a>) -> Self {
        let sure = case.incident.call_trace.iter().filter(|call| call.kind != Kind::Guess);
        let hidden = sure.clone().take_while(|call| call.kind == Kind::Replaced).count();
        let places = sure.skip(hidden).map(|call| call.place.as_str()).collect();
        Self { hidden, places }
    }

    fn judge(&self, ledger: &mut Ledger<'_>) {
        let is_cut = ledger.value("allocation.stack_cut") == Some(&Value::Bool(true));
        ledger.check(LOG, FIELD, &self.places.join(" "), |stack| {
            let calls: Vec<&str> = stack.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let told: Vec<&str> = calls.iter().map(|call| place(call)).collect();
            (0..=self.hidden).any(|more| told.get(more..).is_some_and(|told| self.is_told(told, is_cut)))
        });
    }

    fn is_told(&self, told: &[&str], is_cut: bool) -> bool {
        told == self.places || (is_cut && !told.is_empty() && self.places.starts_with(told))
    }
}

/// Cuts `function+0xOFFSET/0xSIZE [module]` down to `function+0xOFFSET`.
fn place(call: &str) -> &str {
    let call = call.split(' ').next().unwrap_or(call);
    call.rsplit_once('/').map_or(call, |(place, _)| place)
}
