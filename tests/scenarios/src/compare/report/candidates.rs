//! Compares the kernel's ballot in one report with the log's table of tasks: the same tasks in the same order, with the points
//! that the table adds up to.

use std::cmp::Reverse;

use serde_json::Value;

use super::incident::{Case, HELD_BACK_PAGES, LOG, SCENARIO};
use crate::compare::ground;
use crate::compare::ledger::Ledger;
use crate::job::Tier;
use crate::witness::Row;

/// The witness for the parts of the scores.
const TABLE: &str = "task table";
/// The report's own rows, used when the report states a value twice.
const ROWS: &str = "rows";
/// Reasons for passing over a task that is not in the table. `dump_task` omits init, tasks without memory, and tasks that the
/// allowed nodes do not concern.
const NOT_IN_TABLE: [&str; 3] = ["init", "no_memory", "not_eligible"];
/// Reasons for passing over an earlier victim that still exists.
const OF_EARLIER_VICTIM: [&str; 2] = ["oom_skip", "no_memory"];
/// `OOM_SCORE_ADJ_MIN`.
const ADJ_MIN: i16 = -1000;
/// The tolerance for page tables: a victim that waits for its death still faults pages in.
const PGTABLES_SLACK: u64 = 8;

pub(in crate::compare) fn judge(case: &Case<'_>, ledger: &mut Ledger<'_>, tier: Tier) {
    if tier == Tier::Tracepoint {
        return ledger.absent(SCENARIO, "candidates", "tracepoints do not show the candidates");
    }
    if ground::policy(case.incident) == Some("allocating_task") {
        return ledger.absent(LOG, "candidates", "the allocating task is killed unmeasured");
    }
    let Some(rows) = ledger.value("candidates").and_then(Value::as_array) else {
        return ledger.write(SCENARIO, "candidates", "the examined tasks", "nothing");
    };
    let ballot = Ballot { case, rows };
    ballot.winner(ledger);
    ballot.order(ledger);
    ballot.counts(ledger);
    ballot.margin(ledger);
    ballot.table(ledger);
    for (number, row) in rows.iter().enumerate() {
        ballot.arithmetic(ledger, number, row);
        ballot.stranger(ledger, number, row);
    }
}

struct Ballot<'a> {
    case: &'a Case<'a>,
    rows: &'a [Value],
}

fn text<'a>(row: &'a Value, key: &str) -> Option<&'a str> {
    row.get(key).and_then(Value::as_str)
}

fn number(row: &Value, key: &str) -> Option<i64> {
    row.get(key).and_then(Value::as_i64)
}

fn points(row: &Value) -> Option<i64> {
    number(row, "points")
}

fn field(index: usize, key: &str) -> String {
    format!("candidates.{index}.{key}")
}

impl Ballot<'_> {
    /// Checks that the first row is the victim, according to the log and to the kernel's own points.
    fn winner(&self, ledger: &mut Ledger<'_>) {
        let killed = self.case.incident.kills.first().and_then(|kill| self.case.incident.row(kill.pid));
        if let Some(row) = killed {
            ledger.same(LOG, "candidates.0.pid", row.tgid);
        }
        for (own, of_victim) in [("pid", "victims.0.pid"), ("points", "victims.0.score.points")] {
            if let Some(value) = ledger.value(of_victim) {
                ledger.same("victim", &field(0, own), value.clone());
            }
        }
        let chosen = |row: &&Value| row.get("chosen").and_then(Value::as_bool) == Some(true);
        let count = self.rows.iter().filter(chosen).count();
        if count != 1 || !self.rows.first().is_some_and(|row| chosen(&row)) {
            ledger.write(LOG, "candidates.chosen", "the first row alone", &format!("{count} rows"));
        }
    }

    /// Checks the order: best first. Of equal tasks the later one in the table comes first, as in the kernel. Tasks without
    /// points come last.
    fn order(&self, ledger: &mut Ledger<'_>) {
        let place = |row: &Value| {
            let pid = number(row, "pid")?;
            self.case.incident.rows.iter().position(|known| i64::from(known.tgid) == pid)
        };
        let rank = |row: &Value| match points(row) {
            _ if self.case.asked_first(number(row, "pid")) => (0, Reverse(0), None),
            Some(points) => (1, Reverse(points), place(row).map(Reverse)),
            None => (2, Reverse(0), None),
        };
        for (upper, lower) in self.rows.iter().zip(self.rows.iter().skip(1)) {
            let known = place(upper).is_some() == place(lower).is_some();
            if known && rank(upper) > rank(lower) {
                let row = |row: &Value| format!("{:?} with {:?}", number(row, "pid"), points(row));
                ledger.write(TABLE, "candidates", &format!("{} first", row(lower)), &row(upper));
            }
        }
    }

    fn counts(&self, ledger: &mut Ledger<'_>) {
        let count = |key| ledger.value(key).and_then(Value::as_u64).unwrap_or_default();
        let rows = u64::try_from(self.rows.len()).unwrap_or(u64::MAX);
        let total = rows + count("candidates_left_out") + count("kernel_threads");
        ledger.same(ROWS, "candidates_total", total);
        ledger.same(SCENARIO, "candidates_left_out", 0);
        // Init does not live in a cgroup that can run out.
        let of_machine = self.case.scenario.expect.domain != "memcg";
        ledger.check(SCENARIO, "kernel_threads", if of_machine { "some" } else { "none" }, |threads| {
            threads.as_u64().is_some_and(|threads| (threads > 0) == of_machine)
        });
    }

    fn margin(&self, ledger: &mut Ledger<'_>) {
        let row = |index| self.rows.get(index).and_then(|row| Some((points(row)?, number(row, "pid")?)));
        match (row(0), row(1)) {
            (Some((chosen, _)), Some((next, pid))) => {
                ledger.same(ROWS, "selection.margin_points", chosen - next);
                ledger.same(ROWS, "selection.runner_up_pid", pid);
            }
            _ => ledger.absent(ROWS, "selection.margin_points", "no other task has points"),
        }
    }

    /// Checks that each row of the log's table is a candidate with the same figures.
    fn table(&self, ledger: &mut Ledger<'_>) {
        for row in &self.case.incident.rows {
            let is_it = |candidate: &Value| number(candidate, "pid") == Some(i64::from(row.tgid));
            match self.rows.iter().position(is_it) {
                None => ledger.write(TABLE, "candidates.pid", &row.tgid.to_string(), "no such row"),
                Some(index) => self.row(ledger, index, row),
            }
        }
    }

    fn row(&self, ledger: &mut Ledger<'_>, index: usize, row: &Row) {
        let reason = self.rows.get(index).and_then(|candidate| text(candidate, "passed_over"));
        let dying = reason.is_some_and(|reason| self.case.follows && OF_EARLIER_VICTIM.contains(&reason));
        ledger.same(TABLE, &field(index, "oom_score_adj"), row.oom_score_adj);
        ledger.same(TABLE, &field(index, "uid"), row.uid);
        // The table names the first thread that still has the memory.
        if row.pid == row.tgid {
            ledger.shows(TABLE, &field(index, "comm"), &row.comm);
        }
        if dying {
            return;
        }
        if self.is_unread(ledger, index, row) {
            return self.points(ledger, index, row, reason);
        }
        let tolerance = self.case.tolerance_pages();
        ledger.near(TABLE, &field(index, "rss_pages"), row.rss_pages, tolerance);
        ledger.near(TABLE, &field(index, "swap_pages"), row.swap_pages, tolerance);
        let pgtables = row.pgtables_bytes / self.case.page_bytes();
        ledger.near(TABLE, &field(index, "pgtables_pages"), pgtables, PGTABLES_SLACK);
        self.points(ledger, index, row, reason);
    }

    /// Whether the memory belongs to a thread other than the leader and is unknown for the victim, too. If the mark contains
    /// only a number, no frame has that memory.
    fn is_unread(&self, ledger: &Ledger<'_>, index: usize, row: &Row) -> bool {
        let absent = self.rows.get(index).is_some_and(|row| number(row, "rss_pages").is_none());
        absent && row.pid != row.tgid && ledger.value("victims.0.memory").is_none()
    }

    /// Compares the points with the sum from the table. A task that cannot be chosen has no points but a reason.
    fn points(&self, ledger: &mut Ledger<'_>, index: usize, row: &Row, reason: Option<&str>) {
        if row.oom_score_adj == ADJ_MIN {
            ledger.same(TABLE, &field(index, "passed_over"), "oom_score_adj_min");
            return ledger.absent(TABLE, &field(index, "points"), "its oom_score_adj is -1000");
        }
        if reason == Some("in_vfork") && self.has_twin(row) {
            return ledger.absent(TABLE, &field(index, "points"), "it uses its parent's memory");
        }
        ledger.absent(TABLE, &field(index, "passed_over"), "it can be chosen");
        let asked_first = self.case.asked_first(Some(i64::from(row.tgid)));
        ledger.same(SCENARIO, &field(index, "oom_flag_origin"), asked_first);
        if asked_first {
            return ledger.absent(SCENARIO, &field(index, "points"), "it requested to be killed first");
        }
        if let Some(total) = self.case.total_pages() {
            let per_unit = i64::try_from(total / 1000).unwrap_or(i64::MAX);
            let adjusted = i64::from(row.oom_score_adj).saturating_mul(per_unit);
            let base = i64::try_from(row.base_pages(self.case.page_bytes())).unwrap_or(i64::MAX);
            let tolerance = self.case.tolerance_pages();
            ledger.near_signed(TABLE, &field(index, "points"), base.saturating_add(adjusted), tolerance);
            ledger.same(TABLE, &field(index, "adj_pages"), adjusted);
        }
    }

    /// Whether another process has exactly the same memory.
    fn has_twin(&self, row: &Row) -> bool {
        let same =
            |other: &&Row| (other.rss_pages, other.pgtables_bytes) == (row.rss_pages, row.pgtables_bytes);
        self.case.incident.rows.iter().filter(same).any(|other| other.tgid != row.tgid)
    }

    /// Checks that the difference between points and counters is as reported, and small.
    fn arithmetic(&self, ledger: &mut Ledger<'_>, index: usize, row: &Value) {
        let parts = ["rss_pages", "swap_pages", "pgtables_pages", "adj_pages"].map(|key| number(row, key));
        let sum = parts.into_iter().try_fold(0_i64, |sum, part| sum.checked_add(part?));
        let Some((sum, points)) = sum.zip(points(row)) else {
            return ledger.absent(ROWS, &field(index, "difference_pages"), "a part is not known");
        };
        ledger.same(ROWS, &field(index, "difference_pages"), points - sum);
        // Processors hold back a number of pages of a counter, whatever the page size.
        ledger.near_signed(ROWS, &field(index, "difference_pages"), 0, HELD_BACK_PAGES);
        let kinds = ["anon_pages", "file_pages", "shmem_pages"].map(|key| number(row, key));
        let resident = kinds.into_iter().try_fold(0_i64, |sum, part| sum.checked_add(part?));
        if resident != number(row, "rss_pages") {
            ledger.write(ROWS, &field(index, "rss_pages"), &format!("{resident:?}"), &row.to_string());
        }
    }

    /// Checks the cgroup of a scenario's process. A task that is missing from the table must be unkillable for a reason.
    fn stranger(&self, ledger: &mut Ledger<'_>, index: usize, row: &Value) {
        let pid = number(row, "pid").and_then(|pid| u64::try_from(pid).ok());
        if let Some(process) = pid.and_then(|pid| self.case.process(pid)) {
            ledger.shows(SCENARIO, &field(index, "cgroup"), &process.cgroup_path());
        }
        let table = &self.case.incident.rows;
        if table.is_empty() || table.iter().any(|known| Some(u64::from(known.tgid)) == pid) {
            return;
        }
        let earlier: &[&str] = if self.case.follows { &OF_EARLIER_VICTIM } else { &[] };
        let reasons = || NOT_IN_TABLE.iter().chain(earlier);
        if !text(row, "passed_over").is_some_and(|reason| reasons().any(|known| *known == reason)) {
            ledger.write(TABLE, &field(index, "pid"), "no such task", &row.to_string());
        }
        ledger.absent(TABLE, &field(index, "points"), "it is not in the table");
    }
}
