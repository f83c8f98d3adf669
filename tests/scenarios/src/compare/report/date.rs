//! Checks the date of each report: the wall clock showed it while the scenario ran.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::compare::Disagreement;
use crate::observation::Observation;

/// The tolerance in ns, because setting a clock takes time.
const TOLERANCE_NS: i128 = 10_000_000;

pub(in crate::compare) fn judge(seen: &Observation, reports: &[Value]) -> Vec<Disagreement> {
    let Some((from, to)) = seen.wall_ns else { return Vec::new() };
    let fits = |report: &&Value| {
        let date = report.get("time").and_then(Value::as_str);
        let date = date.and_then(|date| OffsetDateTime::parse(date, &Rfc3339).ok());
        date.is_some_and(|date| {
            (from - TOLERANCE_NS..=to + TOLERANCE_NS).contains(&date.unix_timestamp_nanos())
        })
    };
    let differ = |report: &Value| Disagreement {
        field: "time".to_owned(),
        witness: "wall clock",
        says: format!("{from} to {to} ns"),
        report: report.get("time").map_or_else(|| "nothing".to_owned(), ToString::to_string),
    };
    reports.iter().filter(|report| !fits(report)).map(differ).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::judge;
    use crate::observation::Observation;

    #[test]
    fn rejects_dates_outside_the_run_and_missing_dates() {
        let second = 1_700_000_000_000_000_000;
        let seen = Observation { wall_ns: Some((second, second + 1)), ..Observation::default() };
        let count = |date: Value| judge(&seen, &[json!({ "time": date })]).len();
        assert_eq!(count(json!("2023-11-14T22:13:20Z")), 0);
        for wrong in
            [json!("2023-11-14T22:13:19Z"), json!("2023-11-14T22:13:21Z"), json!("1970"), Value::Null]
        {
            assert_eq!(count(wrong), 1);
        }
        assert_eq!(judge(&Observation::default(), &[json!({})]), []);
    }
}
