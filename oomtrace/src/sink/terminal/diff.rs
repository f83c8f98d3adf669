//! Two recordings side by side.

use super::{
    Paint,
    sanitize::{columns_of, cut_front, quoted},
    units::{ABSENT, count, size, span},
};
use crate::diff::{Count, Diff, Pair, Spread};

/// Columns of a line's name. Paths are cut to this width.
const NAME_COLUMNS: usize = 44;

/// Columns of each figure.
const FIGURE_COLUMNS: usize = 12;

/// The maximum number of names of a kind. JSON has all.
const NAMES: usize = 20;

/// The comparison as text.
pub(crate) fn text(diff: &Diff, colour: bool) -> String {
    let paint = Paint { colour };
    let figures = [FIGURE_COLUMNS; 3];
    let head = line("", &["A", "B", "change"].map(str::to_owned), figures);
    let mut text = paint.bold(&head) + "\n";
    let mut add = |line: String| {
        text.push_str(line.trim_end());
        text.push('\n');
    };
    let counted = [
        ("incidents", diff.incidents),
        ("  without a kill", diff.no_kill),
        ("  incomplete", diff.incomplete),
        ("victims", diff.victims),
        ("  not chosen (collateral)", diff.collateral),
        ("  had not grown before", diff.victim_had_not_grown),
    ];
    counted.into_iter().for_each(|(name, pair)| add(counts(name, pair)));
    add(sizes("memory of victims", diff.resident_bytes));
    add(sizes("  of those not chosen", diff.collateral_resident_bytes));
    for (name, of) in RECOVERY {
        add(times(name, diff.recovery, of));
    }
    let lists = [
        ("cause", &diff.causes),
        ("policy", &diff.policies),
        ("victims by name", &diff.comms),
        ("victims by cgroup", &diff.victim_cgroups),
        ("decisions by the cgroup that ran out", &diff.cgroups),
        ("decisions by the shape of the growth before", &diff.shapes),
    ];
    for (heading, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        add(paint.bold(heading));
        list.iter().take(NAMES).for_each(|one| add(named(one)));
        let more = list.len().saturating_sub(NAMES);
        if more > 0 {
            add(format!("  and {more} more (--format json has all)"));
        }
    }
    text
}

/// One figure of a spread.
type Figure = fn(Spread) -> u64;

const RECOVERY: [(&str, Figure); 3] = [
    ("recovery, median", |spread| spread.median_ns),
    ("  p99", |spread| spread.p99_ns),
    ("  longest", |spread| spread.max_ns),
];

fn line(name: &str, figures: &[String; 3], widths: [usize; 3]) -> String {
    let padded = |text: &str, width: usize| " ".repeat(width.saturating_sub(columns_of(text)));
    let mut line = format!("{name}{}", padded(name, NAME_COLUMNS));
    for (figure, width) in figures.iter().zip(widths) {
        line.extend([padded(figure, width).as_str(), figure]);
    }
    line
}

fn counts(name: &str, pair: Pair<u64>) -> String {
    let change = i128::from(pair.b) - i128::from(pair.a);
    let change = if change == 0 { String::new() } else { signed(change, count(change)) };
    line(name, &[count(pair.a), count(pair.b), change], [FIGURE_COLUMNS; 3])
}

fn sizes(name: &str, pair: Pair<u64>) -> String {
    line(name, &[size(pair.a), size(pair.b), percent(pair)], [FIGURE_COLUMNS; 3])
}

fn times(name: &str, pair: Pair<Option<Spread>>, of: Figure) -> String {
    let cell = |spread: Option<Spread>| spread.map_or_else(|| ABSENT.to_owned(), |spread| span(of(spread)));
    let change = pair.a.zip(pair.b).map(|(a, b)| percent(Pair { a: of(a), b: of(b) }));
    line(name, &[cell(pair.a), cell(pair.b), change.unwrap_or_default()], [FIGURE_COLUMNS; 3])
}

fn named(one: &Count) -> String {
    let name = one.name.as_ref().map_or_else(
        || ABSENT.to_owned(),
        |name| quoted(&cut_front(name.as_bytes(), NAME_COLUMNS.saturating_sub(4))),
    );
    counts(&format!("  {name}"), Pair { a: one.a, b: one.b })
}

/// The change from the first to the second value; empty if one of them is zero or they are equal.
fn percent(pair: Pair<u64>) -> String {
    let (a, b) = (i128::from(pair.a), i128::from(pair.b));
    if a == 0 || a == b {
        return String::new();
    }
    let change = (b - a) * 100 / a;
    signed(change, format!("{change} %"))
}

fn signed(change: i128, text: String) -> String {
    if change > 0 { format!("+{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::text;
    use crate::{
        diff::{Tally, compare},
        sink::terminal::{example, sanitize::columns_of},
    };

    #[test]
    fn shows_both_sides_and_the_change() {
        let (mut a, mut b) = (Tally::default(), Tally::default());
        (0..3).for_each(|_| a.add(&example::memcg_kill()));
        b.add(&example::memcg_kill());
        b.add(&example::tracepoint_kill());
        let text = text(&compare(a, b), false);
        let line = |name: &str| {
            let line = text.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(line("incidents"), "incidents 3 2 -1");
        assert_eq!(line("incomplete"), "incomplete 0 1 +1");
        assert_eq!(line("memory of victims"), "memory of victims 185.7 MiB 61.9 MiB -66 %");
        assert_eq!(line("hog"), "hog 0 1 +1");
        assert_eq!(line("/job"), "/job 0 1 +1");
    }

    #[test]
    fn keeps_hostile_names_in_their_line() {
        let mut tally = Tally::default();
        tally.add(&example::hostile_kill());
        let text = text(&compare(tally, Tally::default()), false);
        assert!(text.chars().all(|character| !character.is_control() || character == '\n'), "{text:?}");
        assert!(text.lines().all(|line| columns_of(line) <= 80), "{text}");
    }
}
