//! Compares the victims of one report with their `Killed process` lines and their rows in the task table.

use serde_json::Value;

use super::collateral;
use super::incident::{Case, LOG, SCENARIO, TOLERANCE_BYTES};
use crate::compare::ledger::Ledger;
use crate::compare::{ground, pairing};
use crate::scenario::Process;
use crate::witness::{Killed, Message};

/// The witness for arguments: the start of the process.
const START: &str = "start";
/// The witness for scores. The log does not contain scores, but all their parts.
const TABLE: &str = "task table";
/// The size of the alternate signal stack that Rust gives a thread, without its guard page.
const SIGNAL_STACK_BYTES: u64 = 16 << 10;

pub(in crate::compare) fn judge(case: &Case<'_>, ledger: &mut Ledger<'_>) {
    let victims = ledger.value("victims").and_then(Value::as_array).cloned().unwrap_or_default();
    let ids = pairing::victim_ids(&serde_json::json!({ "victims": victims }));
    let sharers = ground::sharers(case.scenario, case.seen, case.incident);
    let named = collateral::judge(case, ledger, &victims);
    if named != case.incident.kills.len() + sharers.len() {
        let killed: Vec<u32> = case.incident.kills.iter().map(|kill| kill.pid).collect();
        let says = format!("{killed:?}, and {sharers:?} with the same memory");
        ledger.write(LOG, "victims", &says, &format!("{ids:?}"));
    }
    for (number, &(pid, tid)) in ids.iter().enumerate() {
        let is_it = |kill: &&Killed| [pid, tid].contains(&Some(u64::from(kill.pid)));
        let Some(kill) = case.incident.kills.iter().find(is_it) else {
            if let Some(pid) = pid.filter(|pid| sharers.iter().any(|sharer| u64::from(*sharer) == *pid)) {
                sharer(case, ledger, &format!("victims.{number}"), pid);
            }
            continue;
        };
        let victim = Victim { case, kill, path: format!("victims.{number}"), first: number == 0 };
        victim.identity(ledger, pid);
        victim.memory(ledger);
        victim.score(ledger);
    }
}

/// Checks a victim without a line in the log: the scenario knows its identity and the reason of its death.
fn sharer(case: &Case<'_>, ledger: &mut Ledger<'_>, path: &str, pid: u64) {
    let field = |name: &str| format!("{path}.{name}");
    ledger.same(SCENARIO, &field("role"), "shared_mm");
    ledger.same(SCENARIO, &field("tid"), pid);
    if let Some(process) = case.process(pid) {
        ledger.shows(SCENARIO, &field("comm"), &process.kernel_comm());
        ledger.shows(SCENARIO, &field("cgroup"), &process.cgroup_path());
    }
}

struct Victim<'a> {
    case: &'a Case<'a>,
    kill: &'a Killed,
    path: String,
    first: bool,
}

impl Victim<'_> {
    fn field(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    fn identity(&self, ledger: &mut Ledger<'_>, pid: Option<u64>) {
        ledger.same(LOG, &self.field("tid"), self.kill.pid);
        ledger.same(TABLE, &self.field("pid"), self.case.incident.process_of(self.kill.pid));
        ledger.shows(LOG, &self.field("comm"), &self.kill.comm);
        ledger.same(LOG, &self.field("uid"), self.kill.uid);
        ledger.same(LOG, &self.field("oom_score_adj"), self.kill.oom_score_adj);
        let role = if self.first { "chosen" } else { "group" };
        ledger.same(LOG, &self.field("role"), role);
        if let Some(summary) = self.case.incident.summary.as_ref().filter(|_| self.first) {
            ledger.shows(LOG, &self.field("cgroup"), &summary.task_memcg);
        }
        self.cmdline(ledger, pid);
        match pid.and_then(|pid| self.case.process(pid)) {
            Some(process) => self.as_known(ledger, process),
            None => ledger.write(SCENARIO, &self.field("pid"), "one of its processes", &format!("{pid:?}")),
        }
    }

    /// Checks the arguments if they are present. They must be present for an allocating task that was killed, unless they were
    /// in swap: the kernel side copies them.
    fn cmdline(&self, ledger: &mut Ledger<'_>, pid: Option<u64>) {
        let run = self.case.seen.processes.iter().find(|run| Some(u64::from(run.pid)) == pid);
        let Some(run) = run.filter(|run| !run.cmdline.is_empty()) else { return };
        let field = self.field("cmdline");
        let asked = self.case.incident.trigger_tid == Some(run.pid);
        let is_certain = asked && self.case.scenario.machine.swap_mib == 0;
        let is_it = |value: &Value| {
            let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
            list.len() == run.cmdline.len()
                && run.cmdline.iter().zip(list).all(|(text, word)| text.is_value(word))
        };
        if is_certain || ledger.value(&field).is_some() {
            let words: Vec<String> = run.cmdline.iter().map(ToString::to_string).collect();
            ledger.check(START, &field, &format!("{words:?}"), is_it);
        }
    }

    /// Compares the victim with the scenario's process.
    fn as_known(&self, ledger: &mut Ledger<'_>, process: &Process) {
        ledger.shows(SCENARIO, &self.field("cgroup"), &process.cgroup_path());
        ledger.same(SCENARIO, &self.field("uid"), process.uid);
        ledger.same(SCENARIO, &self.field("oom_score_adj"), process.oom_score_adj);
    }

    fn memory(&self, ledger: &mut Ledger<'_>) {
        let kill = self.kill;
        let mapped = self.moving_stacks_bytes();
        ledger.near(LOG, &self.field("memory.total_vm_bytes"), kill.total_vm_bytes, mapped);
        let rss = [
            ("memory.anon_rss_bytes", kill.anon_rss_bytes),
            ("memory.file_rss_bytes", kill.file_rss_bytes),
            ("memory.shmem_rss_bytes", kill.shmem_rss_bytes),
        ];
        for (name, bytes) in rss {
            ledger.near(LOG, &self.field(name), bytes, self.case.tolerance_bytes());
        }
        if let Some(row) = self.case.incident.row(kill.pid) {
            let bytes = row.swap_pages * self.case.page_bytes();
            ledger.near(TABLE, &self.field("memory.swap_bytes"), bytes, TOLERANCE_BYTES);
        }
        // A victim that is not the trigger still faults pages in until the signal arrives.
        let is_trigger = self.case.incident.trigger_tid == Some(kill.pid);
        let slack = if is_trigger { 0 } else { 8 * self.case.page_bytes() };
        ledger.near(LOG, &self.field("memory.pgtables_bytes"), kill.pgtables_bytes, slack);
    }

    /// What the victim's threads may map or unmap between its mark and its line in the log: each has an alternate signal stack with
    /// a guard page, from its start to its end.
    fn moving_stacks_bytes(&self) -> u64 {
        let pid = u64::from(self.case.incident.process_of(self.kill.pid));
        let count = self.case.process(pid).and_then(Process::threads).unwrap_or(0);
        count * (SIGNAL_STACK_BYTES + self.case.page_bytes())
    }

    /// Compares `points` with the row of the task table: resident pages, swap, page tables, and `oom_score_adj * (totalpages /
    /// 1000)`. A member of a group need not have a score.
    fn score(&self, ledger: &mut Ledger<'_>) {
        if self.kill.message == Message::AllocatingTask {
            return ledger.absent(
                LOG,
                &self.field("score.points"),
                "the allocating task is killed unmeasured",
            );
        }
        if self.case.asked_first(Some(i64::from(self.kill.pid))) {
            return ledger.absent(SCENARIO, &self.field("score.points"), "it requested to be killed first");
        }
        let (Some(row), Some(total)) = (self.case.incident.row(self.kill.pid), self.case.total_pages())
        else {
            return;
        };
        if !self.first && ledger.value(&self.field("score")).is_none() {
            return;
        }
        let tolerance = self.case.tolerance_pages();
        let page_bytes = self.case.page_bytes();
        let (base, points) = (row.base_pages(page_bytes), row.points(page_bytes, total));
        ledger.near_signed(TABLE, &self.field("score.points"), points, tolerance);
        ledger.near(TABLE, &self.field("score.base_pages"), base, tolerance);
        ledger.same(TABLE, &self.field("score.adj_pages"), row.adj_pages(total));
        ledger.same(TABLE, &self.field("score.total_pages"), total);
    }
}
