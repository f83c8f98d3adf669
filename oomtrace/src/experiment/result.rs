//! The result: the outcome of each variant and whether the variants differ. Its fields are those of `result.json`
//! (`docs/experiments.md`).

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    plan::{Plan, Variant},
    predict::Prediction,
    run::Run,
    statistics::{LEVEL, Spread, categories, corrected, ranks},
};

/// The version of the JSON's shape. Keys are added, never renamed.
pub const SCHEMA: u32 = 1;

/// The result of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The question.
    pub title: String,
    /// The machine it ran on.
    pub machine: Machine,
    /// Seed for the order of the runs.
    pub seed: u64,
    /// The planned number of runs per variant.
    pub repeats: u32,
    /// Whether all runs were done.
    pub complete: bool,
    /// The outcome of each variant.
    pub variants: Vec<OfVariant>,
    /// The comparisons of each pair of variants, figure by figure.
    pub comparisons: Vec<Comparison>,
    /// The probability below which two variants are said to differ.
    pub level: f64,
    /// The predictions of `whatif`.
    pub predictions: Vec<Prediction>,
    /// The runs, in the order in which they were done.
    pub runs: Vec<Run>,
}

/// The machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// `uname -n`.
    pub host: String,
    /// `uname -r`.
    pub kernel: String,
    /// The tier.
    pub tier: Option<String>,
    /// "v2" or "v1".
    pub hierarchy: String,
    /// `MemTotal`.
    pub memory_bytes: Option<u64>,
    /// `SwapTotal`.
    pub swap_bytes: Option<u64>,
}

/// The outcome of a variant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OfVariant {
    /// Its name.
    pub name: String,
    /// Runs that were done.
    pub runs: usize,
    /// Runs among them that the time limit ended.
    pub timed_out: usize,
    /// How often each process was the victim of the first decision.
    pub victims: BTreeMap<String, usize>,
    /// How often each cause was found.
    pub causes: BTreeMap<String, usize>,
    /// How often each policy chose.
    pub policies: BTreeMap<String, usize>,
    /// For each process, the number of runs in which it died without being chosen.
    pub collateral: BTreeMap<String, usize>,
    /// Each figure; `None` if it is not known.
    pub figures: BTreeMap<&'static str, Option<Spread>>,
}

/// A comparison of two variants in one respect.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The first variant of the pair.
    pub one: String,
    /// The other.
    pub other: String,
    /// The respect: "victim", "cause", "policy", or one of the figures.
    pub figure: &'static str,
    /// "fisher" (categories) or "rank_sum" (figures); both exact.
    pub test: &'static str,
    /// The probability that equal variants look at least this different.
    pub p: f64,
    /// The same, corrected for the number of comparisons (Holm).
    pub p_corrected: f64,
    /// Whether the corrected probability is below the level.
    pub differ: bool,
}

/// A figure of a run.
type Figure = fn(&Run) -> Option<f64>;

/// A property of a run that has one of several values.
type Category = fn(&Run) -> String;

/// The figures, by name.
pub const FIGURES: [(&str, Figure); 6] = [
    ("margin_points", |run| run.margin_points.map(number)),
    ("recovery_ns", |run| run.recovery_ns.and_then(|ns| i64::try_from(ns).ok()).map(number)),
    ("kills", |run| i64::try_from(run.killed.len()).ok().map(number)),
    ("collateral", |run| i64::try_from(run.collateral.len()).ok().map(number)),
    ("freed_bytes", |run| run.freed_bytes.and_then(|bytes| i64::try_from(bytes).ok()).map(number)),
    ("over_freed_bytes", |run| run.over_freed_bytes.and_then(|bytes| i64::try_from(bytes).ok()).map(number)),
];

const CATEGORIES: [(&str, Category); 3] = [
    ("victim", |run| run.victim.clone()),
    ("cause", |run| run.cause.map_or("none", |code| code.name()).to_owned()),
    ("policy", |run| run.policy.map_or("none", |policy| policy.name()).to_owned()),
];

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "beyond 2^53 a figure's last digit is not compared"
)]
const fn number(whole: i64) -> f64 {
    whole as f64
}

/// Combines the runs into the result.
#[must_use]
pub fn outcome(plan: &Plan, machine: Machine, runs: Vec<Run>, predictions: Vec<Prediction>) -> Outcome {
    let wanted = plan.variants.len() * usize::try_from(plan.repeats).unwrap_or(usize::MAX);
    Outcome {
        schema: SCHEMA,
        title: plan.title.clone(),
        machine,
        seed: plan.seed,
        repeats: plan.repeats,
        complete: runs.len() == wanted,
        variants: plan.variants.iter().map(|variant| of_variant(variant, &runs)).collect(),
        comparisons: comparisons(&plan.variants, &runs),
        level: LEVEL,
        predictions,
        runs,
    }
}

fn of<'a>(variant: &'a Variant, runs: &'a [Run]) -> impl Iterator<Item = &'a Run> {
    runs.iter().filter(|run| run.variant == variant.name)
}

fn of_variant(variant: &Variant, runs: &[Run]) -> OfVariant {
    let tally = |names: &mut dyn Iterator<Item = String>| {
        let mut counts = BTreeMap::new();
        names.for_each(|name| *counts.entry(name).or_default() += 1);
        counts
    };
    let [victims, causes, policies] = CATEGORIES.map(|(_, of_run)| tally(&mut of(variant, runs).map(of_run)));
    let once = |run: &Run| {
        let mut names = run.collateral.clone();
        names.sort();
        names.dedup();
        names
    };
    let figures = FIGURES
        .iter()
        .map(|(name, figure)| (*name, Spread::of(&of(variant, runs).filter_map(figure).collect::<Vec<_>>())));
    OfVariant {
        name: variant.name.clone(),
        runs: of(variant, runs).count(),
        timed_out: of(variant, runs).filter(|run| run.timed_out).count(),
        victims,
        causes,
        policies,
        collateral: tally(&mut of(variant, runs).flat_map(once)),
        figures: figures.collect(),
    }
}

fn comparisons(variants: &[Variant], runs: &[Run]) -> Vec<Comparison> {
    let mut comparisons = Vec::new();
    for (number, one) in variants.iter().enumerate() {
        for other in variants.iter().skip(number + 1) {
            comparisons.extend(compare(one, other, runs));
        }
    }
    let chances: Vec<f64> = comparisons.iter().map(|comparison| comparison.p).collect();
    for (comparison, chance) in comparisons.iter_mut().zip(corrected(&chances)) {
        (comparison.p_corrected, comparison.differ) = (chance, chance < LEVEL);
    }
    comparisons
}

fn compare(one: &Variant, other: &Variant, runs: &[Run]) -> Vec<Comparison> {
    let comparison = |figure, test, p| Comparison {
        one: one.name.clone(),
        other: other.name.clone(),
        figure,
        test,
        p,
        p_corrected: p,
        differ: false,
    };
    let by_category = CATEGORIES.iter().filter_map(|(name, of_run)| {
        let values = |variant| of(variant, runs).map(of_run).collect::<Vec<_>>();
        Some(comparison(*name, "fisher", categories(&values(one), &values(other))?))
    });
    let by_figure = FIGURES.iter().filter_map(|(name, figure)| {
        let values = |variant| of(variant, runs).filter_map(figure).collect::<Vec<_>>();
        Some(comparison(*name, "rank_sum", ranks(&values(one), &values(other))?))
    });
    by_category.chain(by_figure).collect()
}
