//! The minutes before the incident as a chart: the usage, the processes that grew, the limit and the kill. Each line has its own
//! dash pattern, so that the chart can be read without colors.

use maud::{Markup, html};

use crate::{
    lead_up::{Grower, LeadUp},
    report::Report,
    sink::{
        html::text::chosen,
        lead_up::{Moment, headline, usage, victim},
        terminal::{
            sanitize::sentence,
            units::{size, span},
        },
    },
};

/// The width of the drawing, in units of its view box.
const WIDTH: u64 = 960;
const HEIGHT: u64 = 220;

/// The dash patterns of the processes' lines.
const DASHES: [&str; 5] = ["8 4", "2 4", "14 4 2 4", "4 8", "1 7"];

pub(super) fn lead_up(report: &Report) -> Markup {
    html! {
        @if let Some(lead_up) = &report.lead_up {
            section #lead-up aria-labelledby="lead-up-h" {
                h2 #lead-up-h { "What led up to it" }
                p.lead { (sentence(&headline(report, lead_up))) }
                @if let Some(words) = victim(lead_up) { p #victim-grew { "The victim " (words) "." } }
                (chart(report, lead_up))
                (table(lead_up))
            }
        }
    }
}

fn chart(report: &Report, lead_up: &LeadUp) -> Markup {
    let usage = usage(lead_up);
    let Some(scale) = Scale::of(&usage, report.domain.limit_bytes) else { return html! {} };
    let label = sentence(&headline(report, lead_up));
    html! {
        svg.lead-up role="img" aria-label=(label) width="100%" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } {
            @for sample in &lead_up.samples {
                @if let Some(stall) = sample.stall_permille.filter(|stall| *stall >= 10) {
                    rect.stall x=(scale.x(sample.before_ns)) y=(HEIGHT - u64::from(stall.min(1000)) * HEIGHT / 1000) width="4"
                        height=(u64::from(stall.min(1000)) * HEIGHT / 1000) {}
                }
            }
            @if let Some(limit) = report.domain.limit_bytes {
                line.limit x1="0" x2=(WIDTH) y1=(scale.y(limit)) y2=(scale.y(limit)) { title { "limit " (size(limit)) } }
            }
            @for (grower, dashes) in lead_up.growers.iter().zip(DASHES) {
                polyline.grower points=(scale.points(&moments(grower))) stroke-dasharray=(dashes) {}
            }
            polyline.usage points=(scale.points(&usage)) {}
            line.kill x1=(WIDTH) x2=(WIDTH) y1="0" y2=(HEIGHT) { title { "the decision" } }
        }
        p.axis { span { (span(scale.oldest_ns)) " before" } span { "the decision" } }
        p.small {
            "Thick line: usage, up to " (size(scale.most_bytes)) " at the top. Dashed lines: resident memory of the processes below. \
             Horizontal line: the limit. Gray columns: the share of time in which tasks waited for memory."
        }
    }
}

fn moments(grower: &Grower) -> Vec<Moment> {
    grower.samples.iter().map(|sample| (sample.before_ns, sample.bytes)).collect()
}

/// The scale that places moments in the drawing.
struct Scale {
    oldest_ns: u64,
    most_bytes: u64,
}

impl Scale {
    fn of(usage: &[Moment], limit_bytes: Option<u64>) -> Option<Self> {
        let oldest_ns = usage.iter().map(|(before, _)| *before).max().filter(|oldest| *oldest > 0)?;
        let most_bytes = usage.iter().map(|(_, bytes)| *bytes).chain(limit_bytes).max()?.max(1);
        (usage.len() >= 2).then_some(Self { oldest_ns, most_bytes })
    }

    fn x(&self, before_ns: u64) -> u64 {
        WIDTH.saturating_sub(part(before_ns, self.oldest_ns, WIDTH))
    }

    fn y(&self, bytes: u64) -> u64 {
        // Two units at the top stay free, so that the highest line is drawn in full.
        HEIGHT.saturating_sub(part(bytes, self.most_bytes, HEIGHT - 2))
    }

    fn points(&self, moments: &[Moment]) -> String {
        let inside = moments.iter().filter(|(before, _)| *before <= self.oldest_ns);
        let points = inside.map(|(before, bytes)| format!("{},{}", self.x(*before), self.y(*bytes)));
        points.collect::<Vec<_>>().join(" ")
    }
}

/// Returns the share of a length, at most the whole length.
fn part(value: u64, full: u64, length: u64) -> u64 {
    let part = (u128::from(value) * u128::from(length)).checked_div(u128::from(full)).unwrap_or(0);
    u64::try_from(part).unwrap_or(length).min(length)
}

fn table(lead_up: &LeadUp) -> Markup {
    html! {
        @if !lead_up.growers.is_empty() {
            table.list #growers {
                thead { tr {
                    th scope="col" { "process" }
                    th.number scope="col" { "pid" }
                    th.number scope="col" { "growth" }
                    th.number scope="col" { "share" }
                } }
                tbody { @for (grower, dashes) in lead_up.growers.iter().zip(DASHES) { tr {
                    th scope="row" {
                        svg.dash aria-hidden="true" width="36" height="8" {
                            line.grower x1="0" x2="36" y1="4" y2="4" stroke-dasharray=(dashes) {}
                        }
                        " " (chosen(grower.comm.as_ref()))
                        @if grower.is_victim { " " span.small { "victim" } }
                    }
                    td.number { (grower.pid) }
                    td.number { (size(grower.growth_bytes)) }
                    td.number { (grower.percent) " %" }
                } } }
            }
        }
        @if !lead_up.cgroups.is_empty() {
            table.list #grown-cgroups {
                thead { tr {
                    th scope="col" { "cgroup" }
                    th.number scope="col" { "growth" }
                    th.number scope="col" { "share" }
                } }
                tbody { @for cgroup in &lead_up.cgroups { tr {
                    th scope="row" { (chosen(Some(&cgroup.cgroup))) }
                    td.number { (size(cgroup.growth_bytes)) }
                    td.number { (cgroup.percent) " %" }
                } } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Scale;

    #[test]
    fn draws_newest_moment_at_right_and_maximum_at_top() {
        let scale = Scale::of(&[(100, 0), (50, 5), (0, 10)], Some(20)).unwrap();
        assert_eq!(scale.points(&[(100, 0), (50, 10), (0, 20)]), "0,220 480,111 960,2");
        assert_eq!(scale.points(&[(200, 5)]), "", "before the chart begins");
        assert_eq!(scale.points(&[(0, u64::MAX)]), "960,2");
        assert!(Scale::of(&[(0, 5), (0, 5)], None).is_none() && Scale::of(&[], Some(5)).is_none());
    }
}
