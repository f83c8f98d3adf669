//! Compares one report with the log of the same decision and with the scenario.

use serde_json::Value;

use super::{account, call_trace, candidates, domain, followed, machine, victim};
use crate::compare::ledger::Ledger;
use crate::compare::{Disagreement, ground};
use crate::job::Tier;
use crate::observation::Observation;
use crate::scenario::{Hierarchy, Process, Scenario};
use crate::text::Text;
use crate::witness::Incident;

/// The tolerance for counters that are read at slightly different moments or batched per processor.
pub(in crate::compare) const TOLERANCE_BYTES: u64 = 1 << 20;
/// The tolerance for the counters of one task: three counters, each with up to 32 pages or twice the number of processors per
/// processor (`percpu_counter_batch`, <https://github.com/torvalds/linux/blob/v6.12/lib/percpu_counter.c#L244>).
pub(in crate::compare) const HELD_BACK_PAGES: u64 = 256;
/// The witnesses.
pub(in crate::compare) const LOG: &str = "kernel log";
pub(in crate::compare) const SCENARIO: &str = "scenario";

/// Judges one report. `incident` comes with whether another kill preceded it.
pub(in crate::compare) fn judge(
    scenario: &Scenario,
    seen: &Observation,
    incident: (&Incident, bool),
    report: &Value,
    tier: Tier,
) -> Vec<Disagreement> {
    let mut ledger = Ledger::new(report, tier, seen.mark_victim_tells_task);
    let (incident, follows) = incident;
    let case = Case { scenario, seen, incident, follows };
    case.frame(&mut ledger, tier);
    if !case.cannot_be_known(&ledger, tier) {
        case.cause(&mut ledger, tier);
        case.domain(&mut ledger);
    }
    case.selection(&mut ledger, tier);
    case.allocation(&mut ledger);
    call_trace::judge(&case, &mut ledger);
    case.trigger(&mut ledger);
    victim::judge(&case, &mut ledger);
    candidates::judge(&case, &mut ledger, tier);
    domain::judge(&case, &mut ledger);
    machine::judge(&case, &mut ledger);
    account::judge(&case, &mut ledger);
    followed::judge(&case, &mut ledger);
    ledger.found
}

/// One decision with everything known about it.
pub(in crate::compare) struct Case<'a> {
    pub(in crate::compare) scenario: &'a Scenario,
    pub(in crate::compare) seen: &'a Observation,
    pub(in crate::compare) incident: &'a Incident,
    /// Whether another kill preceded this one.
    pub(in crate::compare) follows: bool,
}

impl Case<'_> {
    /// The scenario's process with this process id.
    pub(in crate::compare) fn process(&self, pid: u64) -> Option<&Process> {
        let run = self.seen.processes.iter().find(|run| u64::from(run.pid) == pid)?;
        self.scenario.process_of(&run.role)
    }

    /// Whether this process requested to be killed first.
    pub(in crate::compare) fn asked_first(&self, pid: Option<i64>) -> bool {
        let process = pid.and_then(|pid| self.process(u64::try_from(pid).ok()?));
        process.is_some_and(|process| Some(&process.role) == self.scenario.expect.asked_first.as_ref())
    }

    /// The tolerance between figures of the decision and of the log, which is printed after it. If kswapd decides, all other
    /// tasks keep allocating; otherwise the allocating task waits.
    pub(in crate::compare) fn tolerance_bytes(&self) -> u64 {
        let asking_goes_on = self.scenario.expect.cause == "mglru";
        if asking_goes_on { 16 * TOLERANCE_BYTES } else { TOLERANCE_BYTES }
    }

    /// The same tolerance for the counters of one task, in pages. Processors hold back a number of pages, whatever the page
    /// size.
    pub(in crate::compare) fn tolerance_pages(&self) -> u64 {
        (self.tolerance_bytes() / self.page_bytes()).max(HELD_BACK_PAGES)
    }

    /// `pageblock_nr_pages` in bytes: the memory that one page table, a page of 8-byte entries, maps.
    pub(in crate::compare) fn page_block_bytes(&self) -> u64 {
        self.page_bytes() * self.page_bytes() / 8
    }

    /// Bytes of a page.
    pub(in crate::compare) fn page_bytes(&self) -> u64 {
        self.seen.page_bytes()
    }

    /// The pages against which the score is measured (`constrained_alloc`): the limit with its swap, the allowed nodes with all
    /// swap, or all memory and swap. Swap that is being switched off does not count.
    pub(in crate::compare) fn total_pages(&self) -> Option<u64> {
        let is_leaving = self.scenario.expect.asked_first.is_some();
        let swap_bytes = if is_leaving { 0 } else { self.seen.swap_bytes };
        let nodes = &self.scenario.expect.nodes;
        match (self.scenario.expect.domain.as_str(), self.incident.usage) {
            ("memcg", Some(usage)) => {
                let swap_bytes = self.incident.swap.map_or(0, |swap| swap.limit_bytes.min(swap_bytes));
                Some((usage.limit_bytes + swap_bytes) / self.page_bytes())
            }
            ("system", _) => Some(self.seen.memory_bytes / self.page_bytes()),
            ("cpuset" | "mempolicy", _) => {
                let present: Option<u64> = nodes.iter().map(|node| self.seen.node_pages.get(node)).sum();
                Some(present? + swap_bytes / self.page_bytes())
            }
            _ => None,
        }
    }

    pub(in crate::compare) fn frame(&self, ledger: &mut Ledger<'_>, tier: Tier) {
        ledger.same(SCENARIO, "tier", tier.name());
        ledger.same(SCENARIO, "kernel", self.seen.release.as_str());
        if !is_cut_short(ledger) {
            ledger.same(SCENARIO, "status.complete", true);
        }
        ledger.same(SCENARIO, "status.lost_frames", 0);
        let value = self.scenario.sysctl_value("vm/oom_kill_allocating_task").unwrap_or("0");
        let is_set = |value: &Value| value.as_u64().or_else(|| value.as_bool().map(u64::from));
        ledger.check(SCENARIO, "sysctl.oom_kill_allocating_task", value, |report| {
            is_set(report).is_some_and(|report| report.to_string() == value)
        });
    }

    /// Whether the report correctly states that the cause is unknown. Tracepoints come after the decision. If another decision
    /// preceded it, its victim may have freed memory meanwhile, so that no limit looks reached. Tracepoints also do not show
    /// the nodes of a confined allocation, or the zone that it needed. "Unknown" is then acceptable, and another cause is not.
    fn cannot_be_known(&self, ledger: &Ledger<'_>, tier: Tier) -> bool {
        let code = ledger.value("cause.code").and_then(Value::as_str);
        let hidden = self.follows || !self.scenario.expect.nodes.is_empty() || self.had_memory_to_spare();
        tier == Tier::Tracepoint && hidden && code == Some("unknown")
    }

    /// Whether more than a tenth of the machine's memory was free by the log, or in zones that the allocation could not use, which the
    /// log leaves out.
    fn had_memory_to_spare(&self) -> bool {
        let Some(info) = &self.incident.mem_info else { return false };
        let sum = |name: &str| info.zones.iter().filter_map(|zone| zone.bytes(name)).sum::<u64>();
        let pages = info.ram_pages.zip(info.reserved_pages);
        let managed = pages.map_or(0, |(ram, reserved)| ram.saturating_sub(reserved) * self.page_bytes());
        sum("free") + managed.saturating_sub(sum("managed")) > managed / 10
    }

    pub(in crate::compare) fn cause(&self, ledger: &mut Ledger<'_>, tier: Tier) {
        ledger.same(SCENARIO, "cause.code", self.scenario.expect.cause.as_str());
        if let Some(word) = ground::cause(self.incident) {
            let code = |value: &Value| value.as_str().is_some_and(|code| ground::log_word(code) == word);
            ledger.check(LOG, "cause.code", word, code);
        }
        let confidence = if tier == Tier::Tracepoint { "inferred" } else { "observed" };
        if !is_cut_short(ledger) {
            ledger.same(SCENARIO, "cause.confidence", confidence);
        }
        if let Some(word) = &self.scenario.expect.summary_names {
            let named = |value: &Value| value.as_str().is_some_and(|summary| summary.contains(word));
            ledger.check(SCENARIO, "cause.summary", &format!("a sentence naming {word}"), named);
        }
    }

    fn selection(&self, ledger: &mut Ledger<'_>, tier: Tier) {
        if let Some(policy) = ground::policy(self.incident) {
            ledger.same(LOG, "selection.policy", policy);
        }
        let outcome = if self.incident.group.is_some() { "group_killed" } else { "killed" };
        ledger.same(LOG, "selection.outcome", outcome);
        if let Some(scope) = self.incident.group.as_ref().filter(|_| tier != Tier::Tracepoint) {
            let named = |line: &Value| line.as_str().is_some_and(|line| line.ends_with(&format!(" {scope}")));
            let is_told = |lines: &Value| lines.as_array().is_some_and(|lines| lines.iter().any(named));
            ledger.check(LOG, "cause.evidence", &format!("a line naming {scope}"), is_told);
        }
    }

    pub(in crate::compare) fn allocation(&self, ledger: &mut Ledger<'_>) {
        if let Some(invoked) = &self.incident.invoked {
            ledger.same(LOG, "allocation.order", invoked.order);
            let mask = |value: &Value| {
                let digits = value.as_str().and_then(|mask| mask.strip_prefix("0x"));
                digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()) == Some(invoked.gfp_mask)
            };
            ledger.check(LOG, "allocation.gfp_mask", &format!("{:#x}", invoked.gfp_mask), mask);
            ledger.same_set(LOG, "allocation.gfp_flags", &invoked.gfp_flags);
        }
        if let Some(summary) = &self.incident.summary {
            let constraint = summary.constraint.trim_start_matches("CONSTRAINT_").to_lowercase();
            ledger.same(LOG, "allocation.constraint", constraint);
        }
    }

    fn domain(&self, ledger: &mut Ledger<'_>) {
        ledger.same(SCENARIO, "domain.kind", self.scenario.expect.domain.as_str());
        match self.incident.summary.as_ref().map(|summary| &summary.oom_memcg) {
            Some(Some(path)) => {
                ledger.shows(LOG, "domain.cgroup", path);
                self.chain(ledger, path);
            }
            Some(None) => ledger.absent(LOG, "domain.cgroup", "the OOM was global"),
            None => {}
        }
        if let Some(usage) = self.incident.usage {
            // The log prints the usage after the decision. While an earlier victim exits, memory is freed in between.
            let most = if self.follows { usage.limit_bytes } else { usage.usage_bytes };
            let (least, most) = (usage.usage_bytes.saturating_sub(TOLERANCE_BYTES), most + TOLERANCE_BYTES);
            ledger.between(LOG, "domain.usage_bytes", least, most);
            ledger.same(LOG, "domain.limit_bytes", usage.limit_bytes);
        }
        if let Some(pages) = self.total_pages() {
            ledger.same("task table", "domain.total_pages", pages);
        }
        let group = |file: &(String, String)| file.0 == "memory.oom.group" && file.1 == "1";
        let limit = self.scenario.expect.limit_cgroup.as_ref();
        let domain = self.scenario.cgroups.iter().find(|cgroup| Some(&cgroup.path) == limit);
        // Version 1 has no such file.
        if let Some(domain) = domain.filter(|_| self.scenario.machine.hierarchy == Hierarchy::V2) {
            ledger.same(SCENARIO, "domain.oom_group", domain.files.iter().any(group));
        }
    }

    /// Checks that the only level marked as reached is the domain, with the log's limit.
    fn chain(&self, ledger: &mut Ledger<'_>, limit: &Text) {
        let levels = ledger.value("domain.chain").and_then(Value::as_array).cloned().unwrap_or_default();
        let hit: Vec<&Value> =
            levels.iter().filter(|level| level.get("hit").and_then(Value::as_bool) == Some(true)).collect();
        let cgroup = |level: &Value| level.get("cgroup").cloned().unwrap_or_default();
        for level in &levels {
            self.level(ledger, &cgroup(level), level);
        }
        match hit.as_slice() {
            [level] if limit.is_value(&cgroup(level)) => {
                let max = level.get("max_bytes").and_then(Value::as_u64);
                let says = self.incident.usage.map(|usage| usage.limit_bytes);
                if says.is_some() && max != says {
                    ledger.write(LOG, "domain.chain.max_bytes", &format!("{says:?}"), &format!("{max:?}"));
                }
            }
            others => {
                let hit: Vec<Value> = others.iter().map(|level| cgroup(level)).collect();
                ledger.write(
                    LOG,
                    "domain.chain.hit",
                    &format!("`{limit}` alone"),
                    &Value::from(hit).to_string(),
                );
            }
        }
    }

    /// Compares a level with the values that the scenario wrote to its files.
    fn level(&self, ledger: &mut Ledger<'_>, path: &Value, level: &Value) {
        let Some(cgroup) = self.scenario.cgroups.iter().find(|cgroup| cgroup.path.is_value(path)) else {
            return;
        };
        let v2 = self.scenario.machine.hierarchy == Hierarchy::V2;
        let group = cgroup.files.iter().any(|(name, value)| name == "memory.oom.group" && value == "1");
        if v2 && level.get("oom_group").and_then(Value::as_bool) != Some(group) {
            let report = format!("{:?}", level.get("oom_group"));
            ledger.write(SCENARIO, "domain.chain.oom_group", &format!("{group} in {path}"), &report);
        }
    }

    fn trigger(&self, ledger: &mut Ledger<'_>) {
        if let Some(invoked) = &self.incident.invoked {
            ledger.shows(LOG, "trigger.comm", &invoked.comm);
            ledger.same(LOG, "trigger.oom_score_adj", invoked.oom_score_adj);
        }
        if let Some(tid) = self.incident.trigger_tid {
            ledger.same(LOG, "trigger.tid", tid);
        }
        let roles = &self.scenario.expect.trigger;
        let Some(pid) = ledger.value("trigger.pid").and_then(Value::as_u64) else {
            return ledger.write(SCENARIO, "trigger.pid", "a process", "nothing");
        };
        match self.process(pid) {
            Some(process) if roles.is_empty() || roles.iter().any(|role| process.plays(role)) => {
                ledger.same(SCENARIO, "trigger.uid", process.uid);
                ledger.shows(SCENARIO, "trigger.cgroup", &process.cgroup_path());
            }
            _ if roles.is_empty() => {}
            _ => ledger.write(SCENARIO, "trigger.pid", &format!("one of {roles:?}"), &pid.to_string()),
        }
    }
}

/// Whether the stream ended first. The tracer is stopped at the end of the scenario. A victim that has not exited by then
/// leaves the report incomplete, and the report says nothing else about it.
fn is_cut_short(ledger: &Ledger<'_>) -> bool {
    ledger.value("status.closed_by").is_some_and(|by| by == "end_of_stream")
        && ledger.value("status.complete").is_some_and(|complete| complete == false)
}
