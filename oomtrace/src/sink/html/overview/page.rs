//! The HTML page of the overview.

use maud::{Markup, html};
use time::OffsetDateTime;

use super::{Frequent, Overview, chains::Line, frequent::Entry, histogram::Column};
use crate::{
    bytes::ByteString,
    explain::{Confidence, Outcome},
    report::Row,
    sink::{
        html::{
            bar::{filled, percent},
            frame::frame,
            moment,
            text::{ABSENT, chosen, known, number, size},
        },
        terminal::{
            sanitize::sentence,
            units::{count, span},
        },
    },
};

/// Number of cgroups, and of repeat victims, to name.
const SHOWN: usize = 20;

impl Overview {
    /// Returns the HTML page.
    #[must_use]
    pub fn page(&self) -> String {
        let title = self.title();
        let body = html! {
            header {
                p.kicker { b { "oomtrace" } " " span { "overview" } }
                h1 { (title) }
                p.byline { (self.span()) (self.machines()) }
            }
            (self.figures())
            (self.histogram())
            (self.by_cause())
            (self.by_cgroup())
            (self.repeat_victims())
            (self.chains())
            (self.list())
        };
        frame(&title, &body)
    }

    fn title(&self) -> String {
        let noun = |many: u64, one: &str, more: &str| {
            format!("{} {}", count(many), if many == 1 { one } else { more })
        };
        format!("{} in {}", noun(self.kills, "kill", "kills"), noun(self.incidents, "incident", "incidents"))
    }

    fn span(&self) -> Markup {
        let columns = self.over_time.columns();
        let ends = columns.first().zip(columns.last());
        html! {
            @match ends {
                Some((first, last)) => span { (second(first.begin)) " to " (second(last.begin)) " UTC" },
                None => span { (ABSENT) },
            }
            @if self.undated > 0 { span { (count(self.undated)) " without a time" } }
        }
    }

    fn machines(&self) -> Markup {
        let hosts = self.hosts.top(4);
        let (names, _) = self.hosts.names();
        html! {
            @for (host, _) in &hosts { span { "host " bdi { (sentence(host)) } } }
            @if names > hosts.len() { span { "and other hosts" } }
        }
    }

    fn figures(&self) -> Markup {
        let figure = |term: &str, value: String| html! { div { dt { (term) } dd { (value) } } };
        let (cgroups, more) = self.cgroups.names();
        html! {
            dl.figures {
                (figure("Incidents", count(self.incidents)))
                (figure("Kills", count(self.kills)))
                (figure("Cgroups", format!("{}{}", if more { "over " } else { "" }, number(cgroups))))
                (figure("Causes", number(self.causes.len())))
                (figure("Incomplete", count(self.incomplete)))
            }
        }
    }

    fn histogram(&self) -> Markup {
        let columns = self.over_time.columns();
        let most = columns.iter().map(|column| column.count).max().unwrap_or(0);
        let width = self.over_time.width_in_words();
        let label = format!("kills over time, {} columns of {width}, at most {}", columns.len(), count(most));
        html! {
            section #over-time aria-labelledby="over-time-h" {
                h2 #over-time-h { "Kills over time" }
                @if columns.is_empty() { p { "No incident has a time." } } @else {
                    p.small { "a column is " (width) " wide; the highest has " (count(most)) }
                    svg.histogram role="img" aria-label=(label) width="100%" height="160" {
                        line.rail x1="0" x2="100%" y1="100%" y2="100%" {}
                        @for (place, column) in columns.iter().enumerate() { (drawn(place, columns.len(), *column, most)) }
                    }
                    p.axis aria-hidden="true" {
                        span { (second(columns.first().map_or(0, |column| column.begin))) }
                        span { (second(columns.last().map_or(0, |column| column.begin))) }
                    }
                }
            }
        }
    }

    fn by_cause(&self) -> Markup {
        let mut causes = self.causes.clone();
        causes.sort_by_key(|(code, many)| (std::cmp::Reverse(*many), code.name()));
        html! {
            section #causes aria-labelledby="causes-h" {
                h2 #causes-h { "By cause" }
                table.stat {
                    thead.hidden { tr { th scope="col" { "cause" } th scope="col" { "incidents" } th scope="col" { "drawn" } } }
                    tbody { @for (code, many) in causes { tr {
                        th scope="row" { code { (code.name()) } }
                        td.number { (count(many)) }
                        td aria-hidden="true" { (filled(many, Some(self.incidents), None, "used", code.name())) }
                    } } }
                }
            }
        }
    }

    fn by_cgroup(&self) -> Markup {
        html! {
            section #cgroups aria-labelledby="cgroups-h" {
                h2 #cgroups-h { "By cgroup" }
                (ranking(&self.cgroups.top(SHOWN), "cgroup that ran out, or the victim's"))
                (rest(&self.cgroups))
            }
        }
    }

    fn repeat_victims(&self) -> Markup {
        let mut top = self.victims.top(SHOWN);
        top.retain(|(_, entry)| entry.count > 1);
        html! {
            section #victims aria-labelledby="victims-h" {
                h2 #victims-h { "Repeat victims" }
                @if top.is_empty() { p { "No name was killed twice." } } @else {
                    (ranking(&top, "process"))
                    (rest(&self.victims))
                }
            }
        }
    }

    /// Shows each chain as one line. Without chains there is no section.
    fn chains(&self) -> Markup {
        let lines: Vec<&Line> = self.chains.latest_first().take(SHOWN).collect();
        html! {
            @if !lines.is_empty() {
                section #chains aria-labelledby="chains-h" {
                    h2 #chains-h { "Chains of kills" }
                    div.wide role="region" tabindex="0" aria-labelledby="chains-h" { table.list {
                        thead { tr {
                            th.number scope="col" { "first" }
                            th.number scope="col" { "kills" }
                            th.number scope="col" { "within" }
                            th scope="col" { "cgroup" }
                            th scope="col" { "victims" }
                        } }
                        tbody { @for line in lines { (chain(line)) } }
                    } }
                }
            }
        }
    }

    fn list(&self) -> Markup {
        let shown = u64::try_from(self.rows.len()).unwrap_or(u64::MAX);
        html! {
            section #incidents aria-labelledby="incidents-h" {
                h2 #incidents-h { "Incidents" }
                @if shown < self.incidents {
                    p.small { "the last " (count(shown)) " of " (count(self.incidents)) "; `oomtrace list` has all of them" }
                }
                div.wide role="region" tabindex="0" aria-labelledby="incidents-h" { table.list {
                    thead { tr {
                        th.number scope="col" { "no." }
                        th scope="col" { "time, UTC" }
                        th scope="col" { "victim" }
                        th.number scope="col" { "it held" }
                        th scope="col" { "cgroup" }
                        th scope="col" { "cause" }
                    } }
                    tbody { @for row in self.rows.iter().rev() { (incident(row)) } }
                } }
            }
        }
    }
}

fn chain(line: &Line) -> Markup {
    html! {
        tr {
            td.number { (known(line.latest.number)) }
            td.number { (count(line.latest.position)) }
            td.number { (span(line.latest.since_ns)) }
            td { (chosen(line.cgroup.as_ref())) }
            td {
                @for (place, name) in line.names.iter().enumerate() { @if place > 0 { ", " } (chosen(Some(name))) }
                @if line.more_names { ", …" }
            }
        }
    }
}

fn incident(row: &Row) -> Markup {
    let victim = row.victim.as_ref();
    let place = row.cgroup.as_ref().or_else(|| victim.and_then(|victim| victim.cgroup.as_ref()));
    html! {
        tr {
            td.number { (row.number) }
            td.when { (row.time.as_deref().and_then(moment::of).map_or_else(|| ABSENT.to_owned(), moment::to_second)) }
            td {
                @if row.outcome == Some(Outcome::NoKill) { "none" } @else {
                    (chosen(victim.and_then(|victim| victim.name.comm.as_ref()))) " "
                    span.pid { "pid " (known(victim.and_then(|victim| victim.name.pid))) }
                }
                @if row.victims > 1 { span.pid { " and " (number(row.victims.saturating_sub(1))) " more" } }
            }
            td.number { (size(victim.and_then(|victim| victim.resident_bytes))) }
            td { (chosen(place)) }
            td {
                code { (row.cause.name()) }
                @if row.confidence != Confidence::Observed { " " span.pid { (row.confidence.name()) } }
                @if let Some(chain) = &row.chain { " " span.pid { "chain " (known(chain.number)) "." (chain.position) } }
            }
        }
    }
}

/// Draws a column of the histogram, a little narrower than its share of the width.
fn drawn(place: usize, of: usize, column: Column, most: u64) -> Markup {
    let [place, of] = [place, of].map(|number| u64::try_from(number).unwrap_or(u64::MAX).saturating_mul(10));
    html! {
        rect.column x=(percent(place, of)) width=(percent(if of > 300 { 8 } else { 9 }, of))
            y=(percent(most.saturating_sub(column.count), most)) height=(percent(column.count, most)) {
            title { (second(column.begin)) ": " (count(column.count)) }
        }
    }
}

/// Shows names with their kills.
fn ranking(top: &[(&Option<ByteString>, &Entry)], what: &str) -> Markup {
    let most = top.iter().map(|(_, entry)| entry.count).max().unwrap_or(0);
    html! {
        table.ranking {
            thead { tr {
                th scope="col" { (what) }
                th.number scope="col" { "kills" }
                th scope="col" { span.hidden { "drawn" } }
                th scope="col" { "the last, UTC" }
            } }
            tbody { @for (name, entry) in top { tr {
                th scope="row" { (chosen(name.as_ref())) }
                td.number {
                    @if entry.unseen > 0 { abbr title={ "and " (count(entry.unseen)) " more at most" } { "≥ " } }
                    (count(entry.count))
                }
                td aria-hidden="true" { (filled(entry.count, Some(most), None, "used", "kills")) }
                td.when { (moment::of(&entry.last).map_or_else(|| ABSENT.to_owned(), moment::to_second)) }
            } } }
        }
    }
}

fn rest<K: Eq + std::hash::Hash + Ord + Clone>(frequent: &Frequent<K>) -> Markup {
    let (names, more) = frequent.names();
    let hidden = names.saturating_sub(SHOWN);
    html! {
        @if hidden > 0 { p.more { "and " (if more { "over " } else { "" }) (number(hidden)) " other names" } }
    }
}

fn second(at: i64) -> String {
    OffsetDateTime::from_unix_timestamp(at).map_or_else(|_| ABSENT.to_owned(), moment::to_second)
}
