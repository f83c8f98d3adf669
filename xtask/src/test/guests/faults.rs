//! Deliberate faults. Each must make its cell fail, and the failure must name the wrong field. A witness that has never failed
//! proves nothing.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail, ensure};
use oomtrace_scenarios::job::Tier;
use oomtrace_scenarios::scenario::Scenario;

use super::super::Tally;
use crate::host::run::say;
use crate::kernels::Kernel;
use crate::vm::{self, Matrix, Verdict, abreast};

/// The series for the tracer's faults.
const SERIES: &str = "7.3";

/// A fault of the tracer and the expected failure.
struct Case {
    /// The value of `--fault`.
    fault: &'static str,
    /// The scenario that shows it.
    scenario: &'static str,
    /// The expected detection.
    noticed: Noticed,
}

/// The part that detects a fault.
enum Noticed {
    /// The comparison: it must name each of these fields, or fields below them, and no others.
    Fields(&'static [&'static str]),
    /// The tracer itself, which must not start. Its message must contain this word.
    AtStart(&'static str),
}

/// Wrong offsets, lost frames and wrong rules. The self-check at the start covers only the second offset. Without `KillProcess`
/// the tracer still knows everything, without `OomKillProcess` it does not; it notices both losses itself.
const CASES: [Case; 8] = [
    Case {
        fault: "layout:mem_cgroup_usage",
        scenario: "cgroup",
        noticed: Noticed::Fields(&["domain.usage_bytes", "account.parts.anon"]),
    },
    Case {
        fault: "layout:signal_struct_oom_score_adj",
        scenario: "cgroup",
        noticed: Noticed::AtStart("signal_struct.oom_score_adj of our own process"),
    },
    Case {
        fault: "drop:KillProcess",
        scenario: "cgroup",
        noticed: Noticed::Fields(&["status.complete", "cause.confidence"]),
    },
    Case {
        fault: "drop:OomKillProcess",
        scenario: "cgroup",
        noticed: Noticed::Fields(&[
            "status.complete",
            "cause.confidence",
            "selection.policy",
            "victims.0.score",
            "candidates.chosen",
        ]),
    },
    Case {
        fault: "drop:Stack",
        scenario: "cgroup",
        noticed: Noticed::Fields(&["allocation.stack", "allocation.kind"]),
    },
    Case { fault: "drop:Zone", scenario: "sysrq", noticed: Noticed::Fields(&["machine"]) },
    Case {
        fault: "rule:memcg_limit",
        scenario: "cgroup",
        noticed: Noticed::Fields(&["cause.code", "domain.kind"]),
    },
    Case {
        fault: "rule:allocating_task",
        scenario: "cgroup_allocating",
        noticed: Noticed::Fields(&["selection.policy"]),
    },
];

/// Run the faults. The cells that they print must fail.
pub(super) fn run(kernels: &[Kernel], tally: &mut Tally) {
    say("deliberate faults: the following cells must fail");
    let results = abreast::map(CASES.iter().collect(), |case: &Case| case.run(kernels));
    for (case, result) in CASES.iter().zip(results) {
        tally.count(&format!("the matrix detects {}", case.fault), result);
    }
    tally.count("the matrix detects a hidden feature", hidden_feature(kernels));
}

impl Case {
    fn run(&self, kernels: &[Kernel]) -> Result<()> {
        let scenarios = vm::choose(&[self.scenario.to_owned()])?;
        let fault = Some(self.fault.to_owned());
        for verdict in verdicts(kernels, SERIES, scenarios, Some(Tier::Fentry), fault)? {
            self.noticed.judge(&verdict)?;
        }
        Ok(())
    }
}

impl Noticed {
    fn judge(&self, verdict: &Verdict) -> Result<()> {
        match (self, verdict) {
            (Self::Fields(wanted), Verdict::Disagrees(found)) => {
                let named: BTreeSet<&str> = found.iter().map(|found| found.field.as_str()).collect();
                judge_fields(wanted, &named)
            }
            (Self::AtStart(word), Verdict::Broken(reason)) => {
                ensure!(reason.contains(word), "the tracer does not name {word}: {reason}");
                Ok(())
            }
            (_, Verdict::Agrees) => bail!("the fault was not detected: the cell agrees"),
            (_, other) => bail!("the fault was detected in an unexpected way: {}", other.reason()),
        }
    }
}

fn judge_fields(wanted: &[&str], named: &BTreeSet<&str>) -> Result<()> {
    let is_at = |place: &str, field: &str| {
        field.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    if let Some(missing) = wanted.iter().find(|place| !named.iter().any(|field| is_at(place, field))) {
        bail!("{missing} is not named, only {named:?}");
    }
    if let Some(surplus) = named.iter().find(|field| !wanted.iter().any(|place| is_at(place, field))) {
        bail!("{surplus} is named, and only {wanted:?} should be");
    }
    Ok(())
}

/// Checks a kernel whose boot option hides a feature that it has. "Not applicable" would be wrong.
fn hidden_feature(kernels: &[Kernel]) -> Result<()> {
    let mut scenarios = vm::choose(&["cgroup_v1".to_owned()])?;
    scenarios
        .iter_mut()
        .for_each(|scenario| "cgroup_no_v1=memory".clone_into(&mut scenario.machine.command_line));
    for verdict in verdicts(kernels, "6.1", scenarios, None, None)? {
        let reason = verdict.reason();
        let noticed = matches!(verdict, Verdict::Broken(_)) && reason.contains("MEMCG_V1 was not found, but");
        ensure!(noticed, "the hidden feature was not detected: {reason}");
    }
    Ok(())
}

/// The verdicts of scenarios on one series.
fn verdicts(
    kernels: &[Kernel],
    series: &str,
    scenarios: Vec<Scenario>,
    tier: Option<Tier>,
    fault: Option<String>,
) -> Result<Vec<Verdict>> {
    let kernel = kernels.iter().find(|kernel| kernel.series == series);
    let kernels = vec![kernel.with_context(|| format!("no kernel {series}"))?.clone()];
    let matrix = Matrix { kernels, scenarios, tiers: vec![tier], jobs: None, keep_log: false, fault };
    let cells = matrix.run()?.cells;
    ensure!(!cells.is_empty(), "no cell was run");
    Ok(cells.into_iter().map(|cell| cell.verdict).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Noticed, Verdict, judge_fields};

    #[test]
    fn requires_exactly_the_expected_fields() {
        let judge = |wanted: &[&str], named: &[&str]| {
            judge_fields(wanted, &named.iter().copied().collect::<BTreeSet<_>>()).is_ok()
        };
        assert!(judge(&["victims.0.score", "cause.code"], &["cause.code", "victims.0.score.points"]));
        assert!(!judge(&["cause.code"], &[]), "not named");
        assert!(!judge(&["cause.code"], &["cause.code", "tier"]), "something else too");
        assert!(!judge(&["cause.code"], &["cause.codes"]), "another field");
    }

    #[test]
    fn fails_for_an_undetected_fault() {
        let (fields, at_start) = (Noticed::Fields(&["cause.code"]), Noticed::AtStart("comm"));
        assert!(fields.judge(&Verdict::Agrees).is_err() && at_start.judge(&Verdict::Agrees).is_err());
        assert!(fields.judge(&Verdict::Broken("comm".to_owned())).is_err());
        assert!(at_start.judge(&Verdict::Broken("comm differs".to_owned())).is_ok());
        assert!(at_start.judge(&Verdict::Broken("no hog".to_owned())).is_err());
        assert!(at_start.judge(&Verdict::Disagrees(Vec::new())).is_err());
    }
}
