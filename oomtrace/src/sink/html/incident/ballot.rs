//! The kernel's ballot as bars: the points of each candidate, their components, and the victim's margin.

mod passed_over;

use maud::{Markup, html};

use self::passed_over::passed_over;
use crate::{
    report::{Candidate, Report, Score},
    sink::{
        html::{
            bar::{self, Part, stacked},
            text::{ABSENT, chosen, count, known, number},
        },
        margin,
        place::label,
        terminal::units::{self, size},
        words,
    },
};

/// Number of candidates to show. The JSON at the end of the page contains all of them.
const SHOWN: usize = 40;

pub(super) fn ballot(report: &Report) -> Markup {
    let selection = &report.selection;
    html! {
        section #ballot aria-labelledby="ballot-h" {
            h2 #ballot-h { "Why this victim" }
            p.lead { (selection.policy.map_or(ABSENT, words::policy)) }
            dl.facts {
                dt { "outcome" } dd { (selection.outcome.map_or(ABSENT, words::outcome)) }
                dt { "tasks examined" } dd { (count(report.candidates_total)) }
                @if let Some(ahead) = margin::ahead(report) { dt { "margin" } dd #margin { (ahead) } }
                @if let Some(otherwise) = margin::otherwise(report) { dt { "otherwise" } dd { (otherwise) } }
            }
            @match &report.candidates {
                Some(candidates) => (rows(report, candidates)),
                None => (alone(report)),
            }
        }
    }
}

fn rows(report: &Report, candidates: &[Candidate]) -> Markup {
    let contenders: Vec<&Candidate> = candidates.iter().filter(|row| row.passed_over.is_none()).collect();
    let full = contenders.iter().map(|row| bar::end(&Bar::of(row).parts)).max().unwrap_or(0);
    let hidden = contenders.len().saturating_sub(SHOWN);
    html! {
        @if !contenders.is_empty() {
            h3 { "The ballot" }
            p.legend aria-hidden="true" {
                @for (kind, what) in [("anon", "anon"), ("file", "file"), ("shmem", "shmem"), ("swap", "swap"), ("tables", "page tables"), ("adj", "oom_score_adj"), ("cut", "taken off by oom_score_adj")] {
                    span { (swatch(kind)) (what) }
                }
            }
            ol.ballot { @for row in contenders.iter().take(SHOWN) { (self::row(row, full, report.page_bytes())) } }
        }
        @if hidden > 0 { p.more { "and " (number(hidden)) " more with no more points" } }
        (passed_over(report, candidates))
        @if let Some(left_out) = report.candidates_left_out.filter(|left_out| *left_out > 0) {
            p.more { "left out: " (units::count(left_out)) ", for which there was no room" }
        }
    }
}

/// Draws a small square in a part's color.
pub(super) fn swatch(kind: &str) -> Markup {
    html! { svg.swatch width="10" height="10" { rect class=(kind) width="10" height="10" rx="2" {} } }
}

fn row(row: &Candidate, full: u64, page_bytes: Option<u64>) -> Markup {
    let bytes = row.points.and_then(|points| u64::try_from(points).ok()).zip(page_bytes);
    let bytes = bytes.map(|(points, page)| size(points.saturating_mul(page)));
    let drawn = Bar::of(row);
    html! {
        li.hit[row.chosen] data-pid=[row.pid] {
            p.title {
                (chosen(row.comm.as_ref())) " " span.pid { "pid " (known(row.pid)) }
                @if row.chosen { " " strong.badge { "chosen" } }
                span.value {
                    @if row.oom_flag_origin { "the first" } @else { (count(row.points)) " points" }
                    @if let Some(bytes) = bytes { span.bytes { (bytes) } }
                }
            }
            (stacked(&drawn.parts, full, drawn.cut, &arithmetic(row)))
            p.small {
                span.sum { (arithmetic(row)) }
                span { "oom_score_adj " (known(row.oom_score_adj)) }
                @if let Some(label) = label(&row.place) { span { bdi { (label) } } }
                @if let Some(cgroup) = &row.cgroup { span { (chosen(Some(cgroup))) } }
            }
        }
    }
}

/// Returns the sum as the kernel computes it. A last term is the part of the points that these counters do not explain.
fn arithmetic(row: &Candidate) -> String {
    if row.oom_flag_origin {
        return "it had asked to be the first (oom_flag_origin), and was not counted".to_owned();
    }
    let signed = |pages: Option<i64>, what: &str| match pages {
        Some(pages) => {
            let sign = if pages < 0 { '−' } else { '+' };
            format!(" {sign} {} {what}", units::count(pages.unsigned_abs()))
        }
        None => format!(" + {ABSENT} {what}"),
    };
    let difference = row.difference_pages.filter(|pages| *pages != 0);
    format!(
        "{} rss + {} swap + {} tables{}{} = {}",
        count(row.rss_pages),
        count(row.swap_pages),
        count(row.pgtables_pages),
        signed(row.adj_pages, "adj"),
        difference.map(|pages| signed(Some(pages), "not in these counters")).unwrap_or_default(),
        count(row.points)
    )
}

/// The components of a candidate's bar, in pages.
struct Bar {
    parts: Vec<Part>,
    /// Where the points end, if a negative `oom_score_adj` makes them fewer than the pages of memory.
    cut: Option<u64>,
}

impl Bar {
    fn of(row: &Candidate) -> Self {
        let added = row.adj_pages.and_then(|pages| u64::try_from(pages).ok());
        let parts = [
            ("anon", row.anon_pages),
            ("file", row.file_pages),
            ("shmem", row.shmem_pages),
            ("swap", row.swap_pages),
            ("tables", row.pgtables_pages),
            ("adj", added),
        ];
        let part = |(kind, pages): (&'static str, Option<u64>)| {
            let value = pages?;
            Some(Part { kind, value, words: format!("{kind} {}", units::pages(value, None)) })
        };
        let is_less = row.adj_pages.is_some_and(i64::is_negative);
        let cut = row.points.filter(|_| is_less).map(|points| u64::try_from(points).unwrap_or(0));
        Self { parts: parts.into_iter().filter_map(part).collect(), cut }
    }
}

/// Shows the victim's score without the other candidates, if the tier does not see them.
fn alone(report: &Report) -> Markup {
    let scored = report.victims.iter().find_map(|victim| victim.score);
    html! {
        p { "The candidates were not seen." }
        @if let Some(Score { points, base_pages, adj_pages, total_pages }) = scored {
            dl.facts {
                dt { "points" } dd { (count(points)) }
                dt { "memory" } dd { (count(base_pages)) " pages" }
                dt { "oom_score_adj" } dd { (count(adj_pages)) " pages, of " (count(total_pages)) " in the domain" }
            }
        }
    }
}
