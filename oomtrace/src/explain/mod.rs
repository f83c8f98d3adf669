//! Why: one rule a file, tried in order; the first that fits gives the verdict.

mod codes;
mod doing;
#[cfg(any(test, feature = "faults"))]
mod fault;
mod followed;
mod gaps;
mod inferred;
pub(crate) mod limits;
mod margin;
mod memcg_limit;
mod mglru;
mod place;
mod selection;
mod shortage;
mod summary;
mod survivors;
mod sysrq;
mod userspace;
mod words;
mod zones;

use self::gaps::gaps;
pub(crate) use self::words::{ordinal, size};
pub(crate) use self::zones::constraint;
pub use self::{
    codes::{Code, Confidence, Outcome, Policy},
    margin::Margin,
};
use crate::{
    account::{self, Account},
    incident::Incident,
};

/// Why an incident happened and how its victim was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The cause.
    pub code: Code,
    /// Seen, or concluded.
    pub confidence: Confidence,
    /// What it rests on.
    pub evidence: Vec<String>,
    /// Nothing that belongs to it is known to be missing.
    pub complete: bool,
    /// Kernfs id of the memcg that ran out.
    pub domain: Option<u64>,
    /// How the victim was chosen.
    pub policy: Option<Policy>,
    /// What came of it.
    pub outcome: Option<Outcome>,
    /// How close it was.
    pub margin: Option<Margin>,
    /// Where the memory was; `None` where that was not read.
    pub account: Option<Account>,
    /// One sentence.
    pub summary: String,
}

/// What a rule has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) code: Code,
    pub(crate) confidence: Confidence,
    pub(crate) evidence: Vec<String>,
    pub(crate) domain: Option<u64>,
}

impl Finding {
    /// What was seen inside the decision.
    pub(crate) const fn observed(code: Code, domain: Option<u64>, evidence: Vec<String>) -> Self {
        Self { code, confidence: Confidence::Observed, evidence, domain }
    }

    /// What follows from what is around it.
    pub(crate) const fn inferred(code: Code, domain: Option<u64>, evidence: Vec<String>) -> Self {
        Self { code, confidence: Confidence::Inferred, evidence, domain }
    }
}

/// The rules, in order.
const RULES: [fn(&Incident) -> Option<Finding>; 6] =
    [userspace::rule, memcg_limit::rule, sysrq::rule, mglru::rule, zones::rule, inferred::rule];

/// Whether a SIGKILL from user space was sent because memory was short; all others are none of our business.
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
        summary: String::new(),
    };
    #[cfg(feature = "faults")]
    if let Some(rule) = crate::faults::rule() {
        fault::invert(&mut verdict, rule);
    }
    verdict.summary = summary::summary(incident, &verdict);
    verdict
}

/// The account of what ran out. A kill by user space is no shortage that the page allocator saw.
fn accounted(incident: &Incident, code: Code, domain: Option<u64>) -> Option<Account> {
    match (code, domain) {
        (Code::Userspace, _) => None,
        (_, Some(id)) => account::of_cgroup(incident, id),
        (Code::MemcgLimit | Code::MemcgLimitLowered, None) => None,
        // Seen from its mark alone, it may as well have been a cgroup that ran out.
        (Code::Unknown, None) if incident.pass.is_none() => None,
        (Code::Global | Code::Cpuset | Code::Mempolicy | Code::Sysrq | Code::Mglru | Code::Unknown, None) => {
            account::of_machine(incident)
        }
    }
}
