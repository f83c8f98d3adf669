//! Computes how long an incident took.

use super::{Report, Victim};
use crate::{
    explain::Outcome,
    incident::{SIGTERM, signal_name},
    kernel::tier::Tier,
};

impl Report {
    /// Whether a process was killed. It was not if the kernel found none to kill, if the victim was dying anyway, or if user space only sent
    /// SIGTERM and not every exit was seen.
    #[must_use]
    pub fn has_killed(&self) -> bool {
        let outcome = self.selection.outcome;
        let only_told = outcome.is_none() && self.is_sigterm();
        let spared = matches!(outcome, Some(Outcome::MarkedOnly | Outcome::NoKill));
        !self.victims.is_empty() && !only_told && !spared
    }

    /// Whether user space began with SIGTERM.
    #[must_use]
    pub fn is_sigterm(&self) -> bool {
        self.sent.is_some_and(|sent| sent.signal == signal_name(SIGTERM))
    }

    /// Returns the time from the decision to the SIGKILL of the chosen victim, ns. Returns `None` if the signal was not recorded,
    /// on the tracepoint tier, whose reports begin with the mark of the victim instead of the decision, and if user space began with
    /// SIGTERM.
    #[must_use]
    pub fn decision_ns(&self) -> Option<u64> {
        if self.is_sigterm() {
            return None;
        }
        self.chosen()?.aftermath.sigkill_ns.filter(|_| self.tier != Some(Tier::Tracepoint))
    }

    /// Returns the time from the decision until the memory of the last victim was freed, ns, by its exit or by the reaper before
    /// it. Returns `None` if this is not known for every victim, if there is no victim, or if user space began with SIGTERM, after which
    /// a process takes its time.
    #[must_use]
    pub fn recovery_ns(&self) -> Option<u64> {
        if self.is_sigterm() {
            return None;
        }
        let given_back = |victim: &Victim| {
            let after = victim.aftermath;
            [after.exit_ns, after.reap_end_ns].into_iter().flatten().min()
        };
        let all: Option<Vec<u64>> = self.victims.iter().map(given_back).collect();
        all?.into_iter().max()
    }
}

#[cfg(test)]
mod tests {
    use crate::{kernel::tier::Tier, sink::terminal::example};

    #[test]
    fn gives_no_decision_time_on_the_tracepoint_tier() {
        let mut report = example::memcg_kill();
        report.victims[0].aftermath.sigkill_ns = Some(7_000);
        assert_eq!(report.decision_ns(), Some(7_000));
        report.tier = Some(Tier::Tracepoint);
        assert_eq!(report.decision_ns(), None);
    }

    #[test]
    fn recovery_ends_with_the_last_victim() {
        let mut report = example::memcg_kill();
        report.victims[0].aftermath.exit_ns = Some(900);
        report.victims[0].aftermath.reap_end_ns = Some(500);
        report.victims.push(report.victims[0].clone());
        report.victims[1].aftermath.reap_end_ns = None;
        assert_eq!(report.recovery_ns(), Some(900));
        report.victims[1].aftermath.exit_ns = None;
        assert_eq!(report.recovery_ns(), None);
    }
}
