//! How long an incident took.

use super::{Report, Victim};

impl Report {
    /// From the decision to the SIGKILL of the chosen victim, ns. `None` where the signal was not seen.
    #[must_use]
    pub fn decision_ns(&self) -> Option<u64> {
        self.chosen()?.aftermath.sigkill_ns
    }

    /// From the decision until the memory of the last victim was given back, ns: by its exit, or by the reaper before.
    /// `None` where that is not known of every victim, or where there is no victim.
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
