//! Compares the machine's memory in one report with Mem-Info in the kernel's log. The kernel prints Mem-Info under the same
//! lock a little later. Sizes must be equal. Free and used memory differ by the activity of other processors in between.

mod nodes;
mod pools;
mod zones;

use serde_json::Value;

use super::incident::{Case, LOG, SCENARIO};
use crate::compare::ledger::Ledger;
use crate::job::Tier;
use crate::witness::MemInfo;

pub(in crate::compare) fn judge(case: &Case<'_>, ledger: &mut Ledger<'_>) {
    let Some(info) = &case.incident.mem_info else { return };
    // The guard of the multi-gen LRU has no zonelist (`lru_gen_age_node`). There, and on tracepoints, procfs is read after the
    // kill, when only sizes are unchanged.
    let is_later = ledger.tier == Tier::Tracepoint || case.scenario.expect.cause == "mglru";
    if is_later && ledger.value("machine.source").is_none() {
        return;
    }
    if !is_later {
        ledger.same(SCENARIO, "machine.source", "decision");
    }
    let machine = Machine { case, info, is_later };
    zones::judge(&machine, ledger);
    nodes::judge(&machine, ledger);
    pools::judge(&machine, ledger);
}

/// The tolerance for free memory is half of that for other figures: 512 KiB. In guests most values were equal to the page, and
/// the greatest difference was 204 KiB.
const FREE: u64 = 2;

/// The basis of the comparison.
struct Machine<'a> {
    case: &'a Case<'a>,
    info: &'a MemInfo,
    /// Whether the figures were read after the kill.
    is_later: bool,
}

impl Machine<'_> {
    /// Compares free memory. An earlier victim may free more until the log is printed.
    fn free(&self, ledger: &mut Ledger<'_>, field: &str, says: u64, margin: u64) {
        let tolerance = self.free_tolerance() + margin;
        let least = if self.case.follows { 0 } else { says.saturating_sub(tolerance) };
        self.between(ledger, field, least, says.saturating_add(tolerance));
    }

    /// The tolerance for free memory.
    fn free_tolerance(&self) -> u64 {
        self.case.tolerance_bytes() / FREE
    }

    /// Compares used memory, which an earlier victim may still reduce.
    fn used(&self, ledger: &mut Ledger<'_>, field: &str, says: u64, margin: u64) {
        let tolerance = self.case.tolerance_bytes() + margin;
        let most = if self.case.follows { u64::MAX } else { says.saturating_add(tolerance) };
        self.between(ledger, field, says.saturating_sub(tolerance), most);
    }

    fn between(&self, ledger: &mut Ledger<'_>, field: &str, least: u64, most: u64) {
        if !self.is_later {
            ledger.between(LOG, field, least, most);
        }
    }
}

/// The elements of a list of the report.
fn list<'a>(ledger: &Ledger<'a>, field: &str) -> &'a [Value] {
    ledger.value(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Whether an element of such a list belongs to a node.
fn is_of_node(element: &Value, node: i32) -> bool {
    element.get("node").and_then(Value::as_i64) == Some(i64::from(node))
}
