//! Storms of kills, in a few cgroups beside a tracer that is stopped for a while, or of the whole machine. The reported kills and those
//! counted as missed must add up to the kernel's own count, and the tracer itself must not run out of memory.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::job::Tier;

/// The number of cgroups, each with one victim at a time, and of victims at a time if the machine runs out of memory.
pub const CGROUPS: u32 = 4;
/// The limit of a cgroup, bytes.
pub const LIMIT_BYTES: u64 = 2 << 20;

/// The tracer's name. Those of its threads begin with it.
const TRACER: &str = "oomtrace";

/// What runs out of memory.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub enum Place {
    /// [`CGROUPS`] cgroups with a limit.
    #[default]
    Cgroups,
    /// The machine.
    Machine,
}

/// Storms in one guest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The tier, as `oomtrace watch --tier` takes it.
    pub tier: Tier,
    /// What runs out of memory.
    pub place: Place,
    /// The file to record to, if any.
    pub recording: Option<String>,
    /// The number of storms.
    pub runs: u32,
    /// The kills of each.
    pub kills: u32,
    /// Seconds for which the tracer is stopped, from the beginning of a storm.
    pub stopped_s: u64,
}

/// What the kernel and the tracer say about one storm.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Storm {
    /// The kernel's count of the processes that it killed, by the cgroup's path.
    pub killed: BTreeMap<String, u64>,
    /// The victims in the tracer's reports, by the cgroup's path.
    pub reported: BTreeMap<String, u64>,
    /// The tracer's last line on standard error.
    pub totals: String,
    /// What says that the tracer itself ran out of memory: lines of the kernel's log, and triggers of its own reports.
    pub own: Vec<String>,
}

/// The figures of a storm in which nothing is missing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sums {
    /// Processes that the kernel killed.
    pub killed: u64,
    /// Victims in reports.
    pub reported: u64,
    /// Kills that the tracer counted as missed.
    pub missed: u64,
    /// Frames that it counted as lost.
    pub lost: u64,
}

impl Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { killed, reported, missed, lost } = self;
        write!(f, "{killed} | {reported} | {missed} | {lost}")
    }
}

impl Storm {
    /// Look for the tracer in a line of the kernel's log.
    pub fn take_line(&mut self, line: &str) {
        let by = line.split_once(" invoked oom-killer").map(|(before, _)| before);
        if by.is_some_and(|before| before.rsplit(';').next().is_some_and(|comm| comm.starts_with(TRACER))) {
            self.own.push(line.to_owned());
        }
    }

    /// Add the victims of a report, and look for the tracer.
    ///
    /// # Errors
    /// If a victim has no cgroup.
    pub fn take(&mut self, report: &Value) -> Result<(), String> {
        let trigger = &report["trigger"];
        let names = [&trigger["comm"], &trigger["leader_comm"]];
        if names.iter().any(|name| name.as_str().is_some_and(|name| name.starts_with(TRACER))) {
            self.own.push(format!("report: {trigger}"));
        }
        for victim in report["victims"].as_array().into_iter().flatten() {
            let cgroup = victim["cgroup"].as_str().ok_or("a victim without a cgroup")?;
            *self.reported.entry(cgroup.to_owned()).or_default() += 1;
        }
        Ok(())
    }

    /// Compare both sides.
    ///
    /// # Errors
    /// The difference, in words.
    pub fn judge(&self) -> Result<Sums, String> {
        if let Some(own) = self.own.first() {
            return Err(format!("the tracer ran out of memory: {own}"));
        }
        for (cgroup, count) in &self.reported {
            let of = |known: &u64| format!("{count} victims in {cgroup}, and the kernel killed {known}");
            match self.killed.get(cgroup) {
                Some(known) if count <= known => {}
                Some(known) => return Err(of(known)),
                None => return Err(format!("a victim in {cgroup}, which is no cgroup of this test")),
            }
        }
        let (killed, reported) = (self.killed.values().sum(), self.reported.values().sum());
        // The line has this number only if a kill was missed.
        let missed = number_before(&self.totals, "OOM").unwrap_or(0);
        if killed != reported + missed {
            return Err(format!(
                "the kernel killed {killed}, {reported} were reported, {missed} said to be missed"
            ));
        }
        let lost = number_before(&self.totals, "lost").ok_or("no count of lost frames")?;
        Ok(Sums { killed, reported, missed, lost })
    }
}

/// A number in the tracer's line of totals, by the word after it.
#[must_use]
pub fn number_before(totals: &str, word: &str) -> Option<u64> {
    let words: Vec<&str> = totals.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let at = words.iter().position(|known| *known == word)?;
    words.get(at.checked_sub(1)?)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Storm, Sums};

    fn storm(cgroups: &[&str], totals: &str) -> Storm {
        let killed = [("/a".to_owned(), 2), ("/b".to_owned(), 3)].into();
        let mut storm = Storm { killed, totals: format!("oomtrace: {totals}"), ..Storm::default() };
        for cgroup in cgroups {
            storm.take(&json!({ "victims": [{ "cgroup": cgroup }] })).unwrap();
        }
        storm
    }

    #[test]
    fn accepts_only_the_kernels_own_count() {
        let all = ["/a", "/a", "/b", "/b", "/b"];
        let none_lost = "5 incidents, 5 victims, 50 frames, 0 lost";
        let sums = Sums { killed: 5, reported: 5, missed: 0, lost: 0 };
        assert_eq!(storm(&all, none_lost).judge(), Ok(sums));
        let some = "4 incidents, 4 victims, 40 frames, 9 lost (among them all frames of 1 OOM kills)";
        assert_eq!(storm(&all[1..], some).judge(), Ok(Sums { reported: 4, missed: 1, lost: 9, ..sums }));
        let error = |cgroups: &[&str], totals| storm(cgroups, totals).judge().unwrap_err();
        assert_eq!(error(&all[1..], none_lost), "the kernel killed 5, 4 were reported, 0 said to be missed");
        assert_eq!(error(&["/a", "/a", "/a"], some), "3 victims in /a, and the kernel killed 2");
        assert_eq!(error(&["/c"], some), "a victim in /c, which is no cgroup of this test");
        assert!(Storm::default().take(&json!({ "victims": [{}] })).is_err());
    }

    #[test]
    fn finds_a_tracer_that_ran_out_of_memory() {
        let other =
            "4,357,15094167,-;hog invoked oom-killer: gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE), order=0";
        let mut storm = storm(&["/a", "/a", "/b", "/b", "/b"], "5 incidents, 5 victims, 50 frames, 0 lost");
        storm.take_line(other);
        storm.take_line("6,1,2,-;oomtrace: armed");
        storm.take(&json!({ "trigger": { "comm": "hog", "leader_comm": null } })).unwrap();
        assert!(storm.judge().is_ok());
        let mut in_log = storm.clone();
        in_log.take_line(&other.replace(";hog", ";oomtrace-record"));
        storm.take(&json!({ "trigger": { "comm": "recorder", "leader_comm": "oomtrace" } })).unwrap();
        for storm in [in_log, storm] {
            assert!(storm.judge().unwrap_err().starts_with("the tracer ran out of memory: "));
        }
    }
}
