//! The head of the page: the summary, the time and place, and the most important figures.

use maud::{Markup, html};

use crate::{
    explain::{Code, Outcome},
    kernel::tier::Tier,
    report::{Domain, Report},
    sink::{
        html::moment,
        html::text::{ABSENT, chosen, known, limit, size},
        place::label,
        terminal::{
            sanitize::sentence,
            units::{boot_seconds, count, span},
        },
    },
};

pub(super) fn head(report: &Report) -> Markup {
    let cause = &report.cause;
    let text = |value: &Option<String>| known(value.as_deref().map(sentence));
    html! {
        header {
            p.kicker {
                b { "oomtrace" } " " span.code { (cause.code.name()) } " "
                span.confidence { (cause.confidence.name()) }
            }
            h1 { (sentence(&cause.summary)) }
            p.byline {
                @match &report.time {
                    Some(time) => time datetime=(time) { (moment::of(time).map_or_else(|| sentence(time), moment::to_millisecond)) },
                    None => span { (ABSENT) },
                }
                span { "boot " (boot_seconds(report.boot_ns)) " s" }
                span { "host " bdi { (text(&report.host)) } }
                span { "Linux " bdi { (text(&report.kernel)) } }
                span { "tier " (report.tier.map_or(ABSENT, Tier::name)) }
            }
        }
        (unseen(report))
        (figures(report))
    }
}

/// Says what the tier cannot see, so that readers do not take a dash for an answer.
fn unseen(report: &Report) -> Markup {
    let alone = report.tier == Some(Tier::Tracepoint) && report.cause.code != Code::Userspace;
    let lost = report.status.lost_frames;
    html! {
        @if alone {
            p.notice {
                b { "Not seen. " }
                "The tier tracepoint does not see the decision itself: score, candidates, constraint, allocation. \
                 Cause and policy are inferred from the limits around the trigger."
            }
        }
        @if !report.status.complete || lost > 0 {
            p.notice { b { "Incomplete. " } "Something that belongs to this incident is missing; frames lost: " (count(lost)) "." }
        }
    }
}

fn figures(report: &Report) -> Markup {
    let victim = report.chosen();
    let memory = victim.and_then(|victim| victim.memory);
    let exit = victim.and_then(|victim| victim.aftermath.exit_ns);
    let pid = known(victim.and_then(|victim| victim.process.pid));
    if report.selection.outcome == Some(Outcome::NoKill) {
        return html! { dl.figures { (figure("Victim", &html! { "none" }, &html! {})) (ran_out(&report.domain)) } };
    }
    html! {
        dl.figures {
            (figure("Victim", &chosen(victim.and_then(|victim| victim.process.comm.as_ref())), &html! { "pid " (pid) (others(report)) }))
            (figure("It held", &html! { (size(memory.map(|memory| memory.resident_bytes()))) }, &html! { "resident; swap " (size(memory.map(|memory| memory.swap_bytes))) }))
            (ran_out(&report.domain))
            (margin(report))
            (figure("Gone after", &html! { (known(exit.map(span))) }, &html! { "from decision to exit" }))
        }
    }
}

fn figure(term: &str, value: &Markup, remark: &Markup) -> Markup {
    html! { div { dt { (term) } dd { (value) } dd.small { (remark) } } }
}

fn ran_out(domain: &Domain) -> Markup {
    let cgroup = chosen(domain.cgroup.as_ref());
    if domain.usage_bytes.is_some() {
        let limit = limit(domain.limit_bytes, domain.usage_bytes);
        let label = domain.place().and_then(label);
        let what = html! { @if let Some(label) = label { bdi { (label) } ", " } (cgroup) };
        figure("Ran out", &html! { (limit) }, &html! { "limit of " (what) })
    } else {
        figure("Ran out", &html! { (domain.kind.unwrap_or(ABSENT)) }, &cgroup)
    }
}

fn margin(report: &Report) -> Markup {
    let points = report.selection.margin_points.and_then(|points| u64::try_from(points).ok());
    let bytes = points.zip(report.page_bytes()).map(|(points, page)| points.saturating_mul(page));
    let remark = html! { (known(points.map(count))) " points over the runner-up" };
    figure("Margin", &html! { (size(bytes)) }, &remark)
}

fn others(report: &Report) -> String {
    match report.victims.len().saturating_sub(1) {
        0 => String::new(),
        1 => ", and 1 more".to_owned(),
        more => format!(", and {more} more"),
    }
}
