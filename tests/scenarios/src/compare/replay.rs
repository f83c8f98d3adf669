//! Compares the replay of the recording with the live output byte for byte, because both use the same road.

use super::Disagreement;
use crate::observation::{Status, TracerRun};
use crate::text::Text;

/// The characters shown around the first difference.
const SHOWN: usize = 60;

pub(super) fn judge(run: &TracerRun) -> Vec<Disagreement> {
    let Some(replay) = &run.replay else {
        return vec![differ("replay", "of a recording", "none")];
    };
    let mut found = Vec::new();
    if replay.status != Some(Status::Code(0)) {
        found.push(differ("replay", "code 0", &format!("{:?}: {}", replay.status, replay.stderr)));
    }
    if replay.lines.len() != run.lines.len() {
        let count = |lines: &[Text]| format!("{} reports", lines.len());
        found.push(differ("replay", &count(&run.lines), &count(&replay.lines)));
    }
    for (number, (live, again)) in (1..).zip(run.lines.iter().zip(&replay.lines)) {
        if live.as_bytes() != again.as_bytes() {
            let (live, again) = around_difference(live, again);
            found.push(differ(&format!("replay of report {number}"), &live, &again));
        }
    }
    found
}

/// The text of both at their first difference.
fn around_difference(one: &Text, other: &Text) -> (String, String) {
    let same = one.as_bytes().iter().zip(other.as_bytes()).take_while(|(a, b)| a == b).count();
    let from = same.saturating_sub(SHOWN / 2);
    let shown = |text: &Text| {
        let bytes = text.as_bytes().get(from..).unwrap_or_default();
        format!("`{}` at byte {same}", Text::from(bytes.get(..SHOWN).unwrap_or(bytes)))
    };
    (shown(one), shown(other))
}

fn differ(field: &str, says: &str, replay: &str) -> Disagreement {
    Disagreement {
        field: field.to_owned(),
        witness: "live output",
        says: says.to_owned(),
        report: replay.to_owned(),
    }
}
