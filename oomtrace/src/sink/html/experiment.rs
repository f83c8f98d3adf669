//! The page of an experiment: the victims in each variant, the figures side by side, and whether the variants differ.

use maud::{Markup, html};

use super::{bar::filled, frame::frame};
use crate::{
    experiment::result::{OfVariant, Outcome},
    sink::terminal::{
        experiment::{ROWS, Show, machine, predicted, rounded, spread, verdicts},
        sanitize::sentence,
        units::count,
    },
};

/// Returns the HTML page of an experiment.
#[must_use]
pub fn experiment(outcome: &Outcome) -> String {
    let title = sentence(&outcome.title);
    let body = html! {
        header {
            p.kicker { b { "oomtrace" } " " span { "experiment" } }
            h1 { (title) }
            p.byline { span { (machine(outcome)) } span { (runs(outcome)) } }
        }
        (differences(outcome))
        (victims(outcome))
        @for row in ROWS { (figure(outcome, row)) }
        (predictions(outcome))
    };
    frame(&title, &body)
}

fn runs(outcome: &Outcome) -> String {
    let made = if outcome.complete { "" } else { ", interrupted" };
    format!("{} runs of each variant{made}, seed {}", outcome.repeats, outcome.seed)
}

fn differences(outcome: &Outcome) -> Markup {
    let verdicts = verdicts(outcome);
    html! {
        section #verdict aria-labelledby="verdict-h" {
            h2 #verdict-h { "Do they differ?" }
            @if verdicts.is_empty() { p { "There is nothing to compare." } }
            @for (verdict, equal) in verdicts {
                p { b { (verdict) } @if let Some(equal) = equal { "; " (equal) } }
            }
        }
    }
}

fn victims(outcome: &Outcome) -> Markup {
    let rows = outcome.variants.iter().flat_map(|variant| {
        variant.victims.iter().map(move |(victim, times)| (variant, sentence(victim), whole(*times)))
    });
    html! {
        section #victims aria-labelledby="victims-h" {
            h2 #victims-h { "Who was killed" }
            table.stat {
                thead.hidden { tr {
                    th scope="col" { "variant" } th scope="col" { "victim" } th scope="col" { "runs" } th scope="col" { "drawn" }
                } }
                tbody { @for (variant, victim, times) in rows { tr {
                    th scope="row" { bdi { (sentence(&variant.name)) } }
                    td { bdi.name { (victim) } }
                    td.number { (count(times)) " of " (count(whole(variant.runs))) }
                    td aria-hidden="true" { (filled(times, Some(whole(variant.runs)), None, "used", &victim)) }
                } } }
            }
        }
    }
}

/// Draws a bar up to the median of each variant, and a mark at the upper quartile.
fn figure(outcome: &Outcome, (label, name, show): (&str, &str, Show)) -> Markup {
    let of = |variant: &OfVariant| variant.figures.get(name).copied().flatten();
    let full = outcome.variants.iter().filter_map(of).map(|spread| rounded(spread.max)).max();
    let id = format!("figure-{name}");
    html! {
        @if let Some(full) = full {
            section #(id) aria-labelledby={ (id) "-h" } {
                h2 #{ (id) "-h" } { (label) }
                p.small { "the median, and the range of the middle half of the runs" }
                table.stat {
                    thead.hidden { tr {
                        th scope="col" { "variant" } th scope="col" { (label) } th scope="col" { "drawn" }
                    } }
                    tbody { @for variant in &outcome.variants { tr {
                        th scope="row" { bdi { (sentence(&variant.name)) } }
                        td.number { (spread(of(variant), variant.runs, show)) }
                        td aria-hidden="true" { @if let Some(spread) = of(variant) {
                            (filled(rounded(spread.median), Some(full), Some(rounded(spread.upper_quartile)), "used", label))
                        } }
                    } } }
                }
            }
        }
    }
}

fn predictions(outcome: &Outcome) -> Markup {
    html! {
        @if !outcome.predictions.is_empty() {
            section #whatif aria-labelledby="whatif-h" {
                h2 #whatif-h { "Predictions of whatif" }
                @for prediction in &outcome.predictions { p { (predicted(prediction, &outcome.variants)) } }
            }
        }
    }
}

fn whole(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::experiment;
    use crate::experiment::{
        file::parse,
        result::{Machine, outcome},
        run::{Observed, run},
    };

    const PLAN: &str = "title = \"who <dies>?\"\nrepeats = 10\n[[process]]\nname = \"a\"\ncommand = [\"true\"]\n\
                        [[variant]]\nname = \"plain\"\n[[variant]]\nname = \"prot\"\n";

    fn page(title: &str) -> String {
        let plan = parse(&PLAN.replace("who <dies>?", title)).unwrap();
        let runs = (0..20).map(|number| {
            let mut run = run(&Observed::default(), &[], if number % 2 == 0 { "plain" } else { "prot" });
            run.victim = if number % 2 == 0 { "database" } else { "<leak>" }.to_owned();
            run.recovery_ns = Some(1_000_000 * (number + 1));
            run
        });
        experiment(&outcome(&plan, Machine::default(), runs.collect(), Vec::new()))
    }

    #[test]
    fn shows_victims_and_whether_variants_differ() {
        let page = page("who dies?");
        for expected in [
            "<title>who dies?</title>",
            "database",
            "10 of 10",
            "plain and prot differ in victim",
            "recovery",
        ] {
            assert!(page.contains(expected), "{expected}: {page}");
        }
        assert!(!page.contains("id=\"figure-freed_bytes\""), "what is known of no run is not drawn");
    }

    #[test]
    fn loads_nothing_and_escapes_names() {
        let page = page("<script>alert(1)</script>").to_lowercase();
        for forbidden in ["<script", "<leak>", "src=", "href=", "url(", "@import", "<link", "onload="] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("default-src 'none'") && page.contains("&lt;leak&gt;"));
    }
}
