//! The verdict: why memory ran out. The rules in `rule` are tried in order, and the first that fits gives the cause. The files
//! beside it find how the victim was chosen and what is missing, and write the sentences.

mod chain;
mod codes;
mod doing;
#[cfg(any(test, feature = "faults"))]
mod fault;
mod followed;
mod gaps;
mod lead_up;
pub(crate) mod limits;
mod margin;
mod place;
mod rule;
mod selection;
mod sigterm;
mod summary;
mod survivors;
mod words;

use self::gaps::gaps;
pub(crate) use self::rule::userspace::is_shortage_known;
pub(crate) use self::rule::zones::constraint;
use self::rule::{inferred, memcg_limit, mglru, sysrq, userspace, zones};
pub(crate) use self::words::{duration, ordinal, size};
pub use self::{
    codes::{Code, Confidence, Outcome, Policy},
    margin::Margin,
};
use crate::{
    account::{self, Account},
    incident::Incident,
    lead_up::LeadUp,
};

/// Why an incident happened and how its victim was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The cause.
    pub code: Code,
    /// Whether the cause was observed or inferred.
    pub confidence: Confidence,
    /// The facts that the cause relies on.
    pub evidence: Vec<String>,
    /// Whether no fact of the incident is known to be missing.
    pub complete: bool,
    /// Kernfs id of the memcg that ran out.
    pub domain: Option<u64>,
    /// How the victim was chosen.
    pub policy: Option<Policy>,
    /// The outcome.
    pub outcome: Option<Outcome>,
    /// The lead of the victim over the runner-up.
    pub margin: Option<Margin>,
    /// Where the memory was; `None` if that was not read.
    pub account: Option<Account>,
    /// What happened in the minutes before; `None` if that is not known.
    pub lead_up: Option<LeadUp>,
    /// The summary, one sentence.
    pub summary: String,
}

/// The result of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) code: Code,
    pub(crate) confidence: Confidence,
    pub(crate) evidence: Vec<String>,
    pub(crate) domain: Option<u64>,
}

impl Finding {
    /// A cause that was seen inside the decision.
    pub(crate) const fn observed(code: Code, domain: Option<u64>, evidence: Vec<String>) -> Self {
        Self { code, confidence: Confidence::Observed, evidence, domain }
    }

    /// A cause that follows from facts around the decision.
    pub(crate) const fn inferred(code: Code, domain: Option<u64>, evidence: Vec<String>) -> Self {
        Self { code, confidence: Confidence::Inferred, evidence, domain }
    }
}

/// The rules, in order.
const RULES: [fn(&Incident) -> Option<Finding>; 6] =
    [userspace::rule, memcg_limit::rule, sysrq::rule, mglru::rule, zones::rule, inferred::rule];

/// Whether a SIGKILL from user space was sent because memory was short. oomtrace ignores all others.
#[must_use]
pub fn is_kill_for_memory(incident: &Incident) -> bool {
    userspace::rule(incident).is_some()
}

/// Explains an incident.
#[must_use]
pub fn explain(incident: &Incident) -> Verdict {
    let found = RULES.iter().find_map(|rule| rule(incident));
    let mut finding = found.unwrap_or_else(|| {
        Finding::inferred(Code::Unknown, None, vec!["the beginning of the decision was not seen".to_owned()])
    });
    let gaps = gaps(incident);
    let complete = gaps.is_empty();
    if !complete {
        finding.confidence = Confidence::Inferred;
        finding.evidence.extend(gaps);
    }
    let Finding { code, confidence, mut evidence, domain } = finding;
    let selection = selection::selection(incident, code);
    evidence.extend(selection.evidence);
    evidence.extend(survivors::evidence(incident));
    let mut verdict = Verdict {
        code,
        confidence,
        evidence,
        complete,
        domain,
        policy: selection.policy,
        outcome: selection.outcome,
        margin: margin::margin(incident),
        account: accounted(incident, code, domain),
        lead_up: led_up(incident, code, domain),
        summary: String::new(),
    };
    #[cfg(feature = "faults")]
    if let Some(rule) = crate::faults::rule() {
        fault::invert(&mut verdict, rule);
    }
    verdict.summary = summary::summary(incident, &verdict);
    verdict
}

/// The account of the domain. A kill by user space has none, because the page allocator saw no shortage.
fn accounted(incident: &Incident, code: Code, domain: Option<u64>) -> Option<Account> {
    match (code, domain) {
        (Code::Userspace, _) => None,
        (_, Some(id)) => account::of_cgroup(incident, id),
        (Code::MemcgLimit | Code::MemcgLimitLowered, None) => None,
        // If only the mark was seen, a cgroup may have run out as well.
        (Code::Unknown, None) if incident.pass.is_none() => None,
        (Code::Global | Code::Cpuset | Code::Mempolicy | Code::Sysrq | Code::Mglru | Code::Unknown, None) => {
            account::of_machine(incident)
        }
    }
}

/// What happened in the minutes before, for the machine or cgroup that ran out.
fn led_up(incident: &Incident, code: Code, domain: Option<u64>) -> Option<LeadUp> {
    match (code, domain) {
        (Code::Userspace, _) | (Code::MemcgLimit | Code::MemcgLimitLowered, None) => None,
        (_, Some(id)) => crate::lead_up::of_cgroup(incident, id),
        (_, None) => crate::lead_up::of_machine(incident),
    }
}
