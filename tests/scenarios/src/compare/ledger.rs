//! Collects disagreements.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Disagreement;
use crate::job::Tier;
use crate::text::Text;

/// Fields that the tracepoint tier cannot see, because it runs after the decision. It may omit them, but the values that it
/// reports must be right.
const DECISION: [&str; 11] = [
    "allocation",
    "selection",
    "candidates",
    "candidates_total",
    "domain.total_pages",
    "domain.usage_bytes",
    "domain.swap_usage_bytes",
    // If a limit was relieved before the mark, the domain is unknown.
    "domain.memsw",
    "domain.memory_stat",
    "machine",
    "account",
];
/// Such fields of a victim.
const OF_VICTIM: [&str; 1] = ["score"];
/// Fields of a victim that tracepoints see only if `oom:mark_victim` passes the task.
const OF_MARKED_TASK: [&str; 5] = ["uid", "oom_score_adj", "cgroup", "memory", "cmdline"];

/// One report and its disagreements.
pub(super) struct Ledger<'a> {
    report: &'a Value,
    pub(super) tier: Tier,
    tells_task: bool,
    /// The disagreements.
    pub(super) found: Vec<Disagreement>,
}

impl<'a> Ledger<'a> {
    pub(super) fn new(report: &'a Value, tier: Tier, tells_task: bool) -> Self {
        Self { report, tier, tells_task, found: Vec::new() }
    }

    /// A value of the report by its path, such as `victims.0.memory.swap_bytes`. A null is absent.
    pub(super) fn value(&self, field: &str) -> Option<&'a Value> {
        let pointer = format!("/{}", field.replace('.', "/"));
        self.report.pointer(&pointer).filter(|value| !value.is_null())
    }

    /// Checks that the field equals this value.
    pub(super) fn same(&mut self, witness: &'static str, field: &str, says: impl Into<Value>) {
        let says = says.into();
        self.check(witness, field, &says.to_string(), |value| *value == says);
    }

    /// Checks that the field is a list of these values in any order.
    pub(super) fn same_set(&mut self, witness: &'static str, field: &str, says: &[String]) {
        let says: BTreeSet<&str> = says.iter().map(String::as_str).collect();
        let is_set = |value: &Value| {
            let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
            let set: BTreeSet<&str> = list.iter().filter_map(Value::as_str).collect();
            set == says && list.len() == says.len()
        };
        self.check(witness, field, &format!("{says:?}"), is_set);
    }

    /// Checks that the field is this number within a tolerance.
    pub(super) fn near(&mut self, witness: &'static str, field: &str, says: u64, tolerance: u64) {
        let margin = if tolerance == 0 { String::new() } else { format!("{says} ± {tolerance}") };
        let says_so = if margin.is_empty() { says.to_string() } else { margin };
        let within = |value: &Value| value.as_u64().is_some_and(|value| value.abs_diff(says) <= tolerance);
        self.check(witness, field, &says_so, within);
    }

    /// Checks that the field is between two numbers.
    pub(super) fn between(&mut self, witness: &'static str, field: &str, least: u64, most: u64) {
        let within = |value: &Value| value.as_u64().is_some_and(|value| (least..=most).contains(&value));
        self.check(witness, field, &format!("{least} to {most}"), within);
    }

    /// Checks that the field is this number, possibly negative, within a tolerance.
    pub(super) fn near_signed(&mut self, witness: &'static str, field: &str, says: i64, tolerance: u64) {
        let within = |value: &Value| value.as_i64().is_some_and(|value| value.abs_diff(says) <= tolerance);
        self.check(witness, field, &format!("{says} ± {tolerance}"), within);
    }

    /// Checks that the field shows these bytes.
    pub(super) fn shows(&mut self, witness: &'static str, field: &str, says: &Text) {
        self.check(witness, field, &format!("`{says}`"), |value| says.is_value(value));
    }

    /// Checks that the field meets a condition. An absent field is a disagreement if this tier can see it.
    pub(super) fn check(
        &mut self,
        witness: &'static str,
        field: &str,
        says: &str,
        condition: impl Fn(&Value) -> bool,
    ) {
        match self.value(field) {
            None if self.may_be_absent(field) => {}
            None => self.write(witness, field, says, "nothing"),
            Some(value) if condition(value) => {}
            Some(value) => self.write(witness, field, says, &value.to_string()),
        }
    }

    /// Checks that the field is absent.
    pub(super) fn absent(&mut self, witness: &'static str, field: &str, because: &str) {
        if let Some(value) = self.value(field) {
            self.write(witness, field, &format!("nothing ({because})"), &value.to_string());
        }
    }

    /// Records a disagreement.
    pub(super) fn write(&mut self, witness: &'static str, field: &str, says: &str, report: &str) {
        self.found.push(Disagreement {
            field: field.to_owned(),
            witness,
            says: says.to_owned(),
            report: report.to_owned(),
        });
    }

    fn may_be_absent(&self, field: &str) -> bool {
        let is_below = |prefix: &&str, field: &str| {
            let rest = field.strip_prefix(prefix);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let of_task: &[&str] = if self.tells_task { &[] } else { &OF_MARKED_TASK };
        let of_victim = field.strip_prefix("victims.").and_then(|rest| rest.split_once('.'));
        let unseen = of_victim.map_or_else(
            || DECISION.iter().any(|prefix| is_below(prefix, field)),
            |(_, name)| OF_VICTIM.iter().chain(of_task).any(|prefix| is_below(prefix, name)),
        );
        self.tier == Tier::Tracepoint && unseen
    }
}
