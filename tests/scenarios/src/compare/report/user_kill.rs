//! Compares reports of kills by user space with the scenario. The kernel's log does not contain them.

use serde_json::Value;

use super::incident::{SCENARIO, TOLERANCE_BYTES};
use crate::compare::ledger::Ledger;
use crate::compare::{Disagreement, pairing};
use crate::job::Tier;
use crate::observation::Observation;
use crate::scenario::{Process, Scenario, Told, UserKill};

/// Whether a report describes a kill by user space.
pub(in crate::compare) fn is_one(report: &Value) -> bool {
    report.pointer("/cause/code").and_then(Value::as_str) == Some("userspace")
}

/// Checks that each kill that must be reported has one report, and that there are no others.
pub(in crate::compare) fn judge(
    scenario: &Scenario,
    seen: &Observation,
    reports: &[&Value],
    tier: Tier,
) -> Vec<Disagreement> {
    let expected = scenario.expect.user_kills.iter();
    let told: Vec<(&UserKill, &Told)> =
        expected.filter_map(|kill| kill.told.as_ref().map(|told| (kill, told))).collect();
    let mut found = Vec::new();
    for &(kill, told) in &told {
        let own: Vec<&&Value> = reports.iter().filter(|report| is_of(report, seen, kill)).collect();
        match own.as_slice() {
            [report] => found.extend(Case { scenario, seen, kill, told }.judge(report, tier)),
            several => found.push(differ(&format!("one kill by {}", kill.killer), several.len())),
        }
    }
    let known = |report: &&&Value| told.iter().any(|(kill, _)| is_of(report, seen, kill));
    for report in reports.iter().filter(|report| !known(report)) {
        found.push(Disagreement { report: report.to_string(), ..differ("no such kill by user space", 0) });
    }
    found
}

/// The process ids of a role.
fn pids<'a>(seen: &'a Observation, role: &'a str) -> impl Iterator<Item = u64> + 'a {
    seen.processes.iter().filter(move |run| run.role == role).map(|run| u64::from(run.pid))
}

fn is_of(report: &Value, seen: &Observation, kill: &UserKill) -> bool {
    let ids = pairing::victim_ids(report);
    kill.victims.iter().flat_map(|role| pids(seen, role)).any(|pid| ids.iter().any(|id| id.0 == Some(pid)))
}

fn differ(says: &str, reports: usize) -> Disagreement {
    let report = format!("in {reports} reports");
    Disagreement { field: "report".to_owned(), witness: SCENARIO, says: says.to_owned(), report }
}

struct Case<'a> {
    scenario: &'a Scenario,
    seen: &'a Observation,
    kill: &'a UserKill,
    told: &'a Told,
}

impl Case<'_> {
    fn judge(&self, report: &Value, tier: Tier) -> Vec<Disagreement> {
        let mut ledger = Ledger::new(report, tier, true);
        ledger.same(SCENARIO, "tier", tier.name());
        ledger.same(SCENARIO, "status.complete", true);
        ledger.same(SCENARIO, "cause.confidence", self.told.confidence.as_str());
        ledger.same(SCENARIO, "domain.kind", "memcg");
        ledger.shows(SCENARIO, "domain.cgroup", &self.told.cgroup);
        ledger.absent(SCENARIO, "selection.policy", "the kernel chose no process");
        ledger.absent(SCENARIO, "allocation.order", "no allocation took place");
        let outcome = if self.kill.victims.len() > 1 { "group_killed" } else { "killed" };
        ledger.same(SCENARIO, "selection.outcome", outcome);
        self.process(&mut ledger, "trigger", &self.kill.killer);
        for (number, role) in self.kill.victims.iter().enumerate() {
            // The kernel visits the processes of a cgroup in its own order.
            let is_it = |id: &(Option<u64>, _)| pids(self.seen, role).any(|pid| id.0 == Some(pid));
            let place = pairing::victim_ids(report).iter().position(is_it).unwrap_or(number);
            self.process(&mut ledger, &format!("victims.{place}"), role);
        }
        self.memory(&mut ledger);
        let victims = pairing::victim_ids(report).len();
        if victims != self.kill.victims.len() {
            ledger.write(SCENARIO, "victims", &format!("{:?}", self.kill.victims), &victims.to_string());
        }
        ledger.found
    }

    fn process(&self, ledger: &mut Ledger<'_>, place: &str, role: &str) {
        let known: Option<&Process> = self.scenario.processes.iter().find(|process| process.role == role);
        let (Some(process), Some(pid)) = (known, pids(self.seen, role).next()) else {
            return ledger.write(SCENARIO, place, role, "no such process");
        };
        ledger.same(SCENARIO, &format!("{place}.pid"), pid);
        ledger.same(SCENARIO, &format!("{place}.uid"), process.uid);
        ledger.same(SCENARIO, &format!("{place}.oom_score_adj"), process.oom_score_adj);
        ledger.shows(SCENARIO, &format!("{place}.comm"), &process.kernel_comm());
        ledger.shows(SCENARIO, &format!("{place}.cgroup"), &process.cgroup_path());
    }

    /// Checks that the victim's memory is at least that of its shape, and little more.
    fn memory(&self, ledger: &mut Ledger<'_>) {
        let role = self.kill.victims.first();
        let process = self.scenario.processes.iter().find(|process| Some(&process.role) == role);
        let Some(bytes) = process.and_then(Process::anonymous_bytes) else { return };
        let least = bytes.saturating_sub(TOLERANCE_BYTES);
        ledger.between(SCENARIO, "victims.0.memory.anon_rss_bytes", least, bytes + (4 << 20));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::judge;
    use crate::job::Tier;
    use crate::observation::{Observation, ProcessRun};
    use crate::scenario::{self, Scenario};

    fn scenario() -> Scenario {
        scenario::all().into_iter().find(|scenario| scenario.name == "userspace_kill").unwrap()
    }

    fn seen(scenario: &Scenario) -> Observation {
        let run = |(number, role): (u32, &String)| ProcessRun {
            role: role.clone(),
            pid: 100 + number,
            ..ProcessRun::default()
        };
        let roles = scenario.processes.iter().map(|process| &process.role);
        Observation { processes: (0..).zip(roles).map(run).collect(), ..Observation::default() }
    }

    /// A correct report: the sleeper is process 100, the large one 101, the killer 104.
    fn honest() -> Value {
        json!({
            "tier": "fentry", "status": { "complete": true }, "cause": { "code": "userspace", "confidence": "observed" },
            "domain": { "kind": "memcg", "cgroup": "/busy" }, "selection": { "policy": null, "outcome": "killed" },
            "allocation": { "order": null },
            "trigger": { "pid": 104, "uid": 0, "oom_score_adj": 0, "comm": "earlyoom", "cgroup": "/" },
            "victims": [{
                "pid": 101, "uid": 1000, "oom_score_adj": 7, "comm": "large", "cgroup": "/busy",
                "memory": { "anon_rss_bytes": 60 << 20 },
            }],
        })
    }

    fn fields(reports: &[Value]) -> Vec<String> {
        let scenario = scenario();
        let reports: Vec<&Value> = reports.iter().collect();
        let found = judge(&scenario, &seen(&scenario), &reports, Tier::Fentry);
        found.into_iter().map(|disagreement| disagreement.field).collect()
    }

    #[test]
    fn accepts_a_correct_report() {
        assert!(fields(&[honest()]).is_empty());
    }

    #[test]
    fn names_each_altered_field() {
        for (pointer, wrong) in [
            ("/tier", json!("kprobe")),
            ("/status/complete", json!(false)),
            ("/cause/confidence", json!("inferred")),
            ("/domain/kind", json!("system")),
            ("/domain/cgroup", json!("/box")),
            ("/selection/policy", json!("badness")),
            ("/selection/outcome", json!("group_killed")),
            ("/allocation/order", json!(0)),
            ("/trigger/pid", json!(1)),
            ("/trigger/uid", json!(1000)),
            ("/trigger/comm", json!("bash")),
            ("/trigger/cgroup", json!("/busy")),
            ("/victims/0/uid", json!(0)),
            ("/victims/0/oom_score_adj", json!(0)),
            ("/victims/0/comm", json!("small")),
            ("/victims/0/cgroup", json!("/")),
            ("/victims/0/memory/anon_rss_bytes", json!(1 << 20)),
        ] {
            let mut report = honest();
            *report.pointer_mut(pointer).unwrap() = wrong;
            assert_eq!(fields(&[report]), [pointer.trim_start_matches('/').replace('/', ".")]);
        }
    }

    #[test]
    fn names_missing_extra_and_wrong_reports() {
        assert_eq!(fields(&[]), ["report"]);
        assert_eq!(fields(&[honest(), honest()]), ["report"]);
        let mut of_the_sleeper = honest();
        of_the_sleeper["victims"][0]["pid"] = json!(100);
        assert_eq!(fields(&[honest(), of_the_sleeper]), ["report"]);
        let mut with_another = honest();
        let again = with_another["victims"][0].clone();
        with_another["victims"].as_array_mut().unwrap().push(again);
        assert_eq!(fields(&[with_another]), ["victims"]);
    }
}
