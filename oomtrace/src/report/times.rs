//! Computes how long an incident took.

use super::{Report, Victim};
use crate::kernel::tier::Tier;

impl Report {
    /// Returns the time from the decision to the SIGKILL of the chosen victim, ns. Returns `None` if the signal was not recorded,
    /// and on the tracepoint tier, whose reports begin with the mark of the victim instead of the decision.
    #[must_use]
    pub fn decision_ns(&self) -> Option<u64> {
        self.chosen()?.aftermath.sigkill_ns.filter(|_| self.tier != Some(Tier::Tracepoint))
    }

    /// Returns the time from the decision until the memory of the last victim was freed, ns, by its exit or by the reaper before
    /// it. Returns `None` if this is not known for every victim, or if there is no victim.
    #[must_use]
    pub fn recovery_ns(&self) -> Option<u64> {
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
