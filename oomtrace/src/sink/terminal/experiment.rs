//! The result of an experiment, for people: the variants side by side, whether they differ, and the predictions of `whatif`.

use std::collections::BTreeMap;

use super::{
    Paint,
    full::sheet::Sheet,
    sanitize::{columns_of, sentence},
    units::{ABSENT, count, or_absent, size, span},
};
use crate::experiment::{
    predict::Prediction,
    result::{Comparison, OfVariant, Outcome},
    statistics::Spread,
};

/// The whole result.
pub(crate) fn text(outcome: &Outcome, colour: bool) -> String {
    let mut sheet = Sheet { text: String::new(), paint: Paint { colour } };
    sheet.line(&sheet.paint.bold(&sentence(&outcome.title)));
    sheet.section("machine", &machine(outcome));
    let made: usize = outcome.variants.iter().map(|variant| variant.runs).sum();
    let short = if outcome.complete { String::new() } else { format!("; interrupted after {made}") };
    sheet.section(
        "runs",
        &format!("{} of each variant, in the order of seed {}{short}", outcome.repeats, outcome.seed),
    );
    side_by_side(&mut sheet, &outcome.variants);
    for (verdict, equal) in verdicts(outcome) {
        sheet.section("verdict", &verdict);
        equal.iter().for_each(|equal| sheet.section("", equal));
    }
    for (index, prediction) in outcome.predictions.iter().enumerate() {
        sheet.section(if index == 0 { "whatif" } else { "" }, &predicted(prediction, &outcome.variants));
    }
    sheet.text
}

/// A short description of the machine.
pub(crate) fn machine(outcome: &Outcome) -> String {
    let machine = &outcome.machine;
    let memory = or_absent(machine.memory_bytes.map(size));
    let swap = match machine.swap_bytes {
        Some(0) => "no swap".to_owned(),
        swap => format!("swap {}", or_absent(swap.map(size))),
    };
    let tier = machine.tier.as_deref().unwrap_or(ABSENT);
    let (host, kernel) = (sentence(&machine.host), sentence(&machine.kernel));
    format!("{host}, kernel {kernel}, {memory}, {swap}, cgroup {}, tier {tier}", machine.hierarchy)
}

/// Formats a figure.
pub(crate) type Show = fn(f64) -> String;

/// The rows of figures: label, name, format.
pub(crate) const ROWS: [(&str, &str, Show); 6] = [
    ("margin", "margin_points", |points| format!("{} pages", count(rounded(points)))),
    ("kills", "kills", whole),
    ("collateral", "collateral", whole),
    ("recovery", "recovery_ns", |ns| span(rounded(ns))),
    ("freed", "freed_bytes", |bytes| size(rounded(bytes))),
    ("over-freed", "over_freed_bytes", |bytes| size(rounded(bytes))),
];

fn whole(figure: f64) -> String {
    if (figure - figure.round()).abs() > 0.01 { format!("{figure:.1}") } else { format!("{figure:.0}") }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the figures are never negative, and a cast of one that is too large is the largest number"
)]
pub(crate) const fn rounded(figure: f64) -> u64 {
    figure as u64
}

fn side_by_side(sheet: &mut Sheet, variants: &[OfVariant]) {
    let mut rows: Vec<(&str, Vec<String>)> =
        vec![("", variants.iter().map(|variant| sheet.paint.bold(&sentence(&variant.name))).collect())];
    let mut tally = |label, of: fn(&OfVariant) -> &BTreeMap<String, usize>| {
        rows.push((label, variants.iter().map(|variant| counts(of(variant))).collect()));
    };
    tally("victim", |variant| &variant.victims);
    tally("cause", |variant| &variant.causes);
    tally("policy", |variant| &variant.policies);
    tally("also gone", |variant| &variant.collateral);
    if variants.iter().any(|variant| variant.timed_out > 0) {
        let cell = |variant: &OfVariant| format!("{} of {} runs", variant.timed_out, variant.runs);
        rows.push(("time was up", variants.iter().map(cell).collect()));
    }
    for (label, name, show) in ROWS {
        let cell =
            |variant: &OfVariant| spread(variant.figures.get(name).copied().flatten(), variant.runs, show);
        rows.push((label, variants.iter().map(cell).collect()));
    }
    let widths: Vec<usize> = (0..variants.len())
        .map(|column| {
            rows.iter().filter_map(|(_, cells)| cells.get(column)).map(|cell| shown(cell)).max().unwrap_or(0)
        })
        .collect();
    for (label, cells) in rows {
        let padded = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - shown(cell))));
        let line = padded.collect::<Vec<_>>().join("   ");
        sheet.section(label, line.trim_end());
    }
}

/// The number of visible columns, without colors.
fn shown(cell: &str) -> usize {
    columns_of(&cell.replace("\x1b[1m", "").replace("\x1b[0m", ""))
}

/// Counts, the most frequent first.
fn counts(counts: &BTreeMap<String, usize>) -> String {
    let mut sorted: Vec<(&String, &usize)> = counts.iter().collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let words: Vec<String> =
        sorted.into_iter().map(|(name, count)| format!("{} {count}×", sentence(name))).collect();
    if words.is_empty() { ABSENT.to_owned() } else { words.join(", ") }
}

/// The median, and the range of the middle half of the runs.
pub(crate) fn spread(spread: Option<Spread>, runs: usize, show: Show) -> String {
    let Some(Spread { count, min, lower_quartile, median, upper_quartile, max }) = spread else {
        return ABSENT.to_owned();
    };
    let of = if count == runs { String::new() } else { format!(", in {count} of {runs}") };
    if min.total_cmp(&max).is_eq() {
        return format!("{}{of}", show(median));
    }
    // If half of the runs agree, the range of all runs is more interesting.
    let (from, to) = if lower_quartile.total_cmp(&upper_quartile).is_eq() {
        (min, max)
    } else {
        (lower_quartile, upper_quartile)
    };
    format!("{} ({} to {}){of}", show(median), show(from), show(to))
}

fn pairs(comparisons: &[Comparison]) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> =
        comparisons.iter().map(|comparison| (comparison.one.clone(), comparison.other.clone())).collect();
    pairs.dedup();
    pairs
}

/// For each pair of variants: the respects in which they differ, and those in which no difference was found.
pub(crate) fn verdicts(outcome: &Outcome) -> Vec<(String, Option<String>)> {
    let pairs = pairs(&outcome.comparisons).into_iter();
    pairs.map(|(one, other)| difference(outcome, &one, &other)).collect()
}

fn difference(outcome: &Outcome, one: &str, other: &str) -> (String, Option<String>) {
    let of_pair =
        || outcome.comparisons.iter().filter(|comparison| comparison.one == one && comparison.other == other);
    let label = |name: &str| {
        ROWS.iter().find(|(_, key, _)| *key == name).map_or(name, |(label, ..)| label).to_owned()
    };
    let chance = |comparison: &Comparison| match comparison.p_corrected {
        p if p < 1e-6 => "p < 0.000001".to_owned(),
        p if p < 0.01 => format!("p = {p:.6}"),
        p => format!("p = {p:.2}"),
    };
    let differ: Vec<String> = of_pair()
        .filter(|comparison| comparison.differ)
        .map(|comparison| format!("{} ({})", label(comparison.figure), chance(comparison)))
        .collect();
    let equal: Vec<String> = of_pair()
        .filter(|comparison| !comparison.differ)
        .map(|comparison| match comparison.p_corrected {
            1.0 => label(comparison.figure),
            _ => format!("{} ({})", label(comparison.figure), chance(comparison)),
        })
        .collect();
    let (one, other) = (sentence(one), sentence(other));
    let verdict = if differ.is_empty() {
        format!("no difference found between {one} and {other}")
    } else {
        format!("{one} and {other} differ in {}", differ.join(", "))
    };
    let equal = (!equal.is_empty()).then(|| format!("no difference found in {}", equal.join(", ")));
    (verdict, equal)
}

/// The predictions for one variant from another's recordings, and whether they were right.
pub(crate) fn predicted(prediction: &Prediction, variants: &[OfVariant]) -> String {
    let Prediction { from, to, claimed, refused, tested, came_true, .. } = prediction;
    let (from, to) = (sentence(from), sentence(to));
    if *claimed == 0 {
        return format!(
            "from {from}, for {to}: none of {} recordings contains the answer",
            count(i128_of(*refused))
        );
    }
    let said = counts(&prediction.victims);
    let runs = variants.iter().find(|variant| variant.name == prediction.to);
    let was = runs.map_or_else(|| ABSENT.to_owned(), |variant| counts(&variant.victims));
    let judgement = match tested {
        0 => "no run to compare with".to_owned(),
        _ => format!("{came_true} of {tested} predictions name the usual victim"),
    };
    let silent = if *refused > 0 { format!(", {refused} without an answer") } else { String::new() };
    format!("from {from}, for {to}: {said}; measured: {was}; {judgement}{silent}")
}

fn i128_of(number: usize) -> i128 {
    i128::try_from(number).unwrap_or(i128::MAX)
}
