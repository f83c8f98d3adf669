//! The processes of the incident: the trigger and the victims.

use maud::{Markup, html};

use crate::{
    bytes::ByteString,
    report::{Process, Report},
    sink::{
        html::text::{ABSENT, chosen, known, number},
        place,
        terminal::sanitize::text,
        words,
    },
};

/// Number of victims to show. A group can have thousands, and the JSON at the end of the page contains all of them.
const SHOWN: usize = 64;

pub(super) fn processes(report: &Report) -> Markup {
    let hidden = report.victims.len().saturating_sub(SHOWN);
    html! {
        section #processes aria-labelledby="processes-h" {
            h2 #processes-h { "Who it was" }
            div.people {
                (trigger(report))
                @for victim in report.victims.iter().take(SHOWN) {
                    article.process {
                        h3 { "Victim " (title(&victim.process)) }
                        p.small { (words::role(victim.role)) }
                        (details(&victim.process))
                    }
                }
            }
            @if report.victims.is_empty() { p { "No process was killed." } }
            @if hidden > 0 { p.more { "and " (number(hidden)) " more victims" } }
        }
    }
}

fn trigger(report: &Report) -> Markup {
    let Some(process) = &report.trigger else {
        return html! { article.process { h3 { "Trigger" } p { (ABSENT) } } };
    };
    let is_victim = process.pid.is_some_and(|pid| report.has_victim(pid));
    html! {
        @if !is_victim {
            article.process {
                h3 { "Trigger " (title(process)) }
                p.small { "allocated the memory" }
                (details(process))
            }
        } @else {
            article.process {
                h3 { "Trigger " (title(process)) }
                p.small { "allocated the memory; also a victim, see there" }
                dl.facts { dt { "process" } dd { (numbers(process)) } }
            }
        }
    }
}

/// Returns the thread's name, and the process's name if it differs.
fn title(process: &Process) -> Markup {
    html! {
        (chosen(process.comm.as_ref()))
        @if let Some(leader) = &process.leader_comm { ", a thread of " (chosen(Some(leader))) }
    }
}

fn numbers(process: &Process) -> String {
    let Process { pid, tid, ns_pid, uid, oom_score_adj, .. } = process;
    let differs = |label: &str, number: &Option<i32>| match number {
        Some(number) if Some(*number) != *pid => format!(", {label} {number}"),
        _ => String::new(),
    };
    let (tid, ns_pid) = (differs("tid", tid), differs("ns_pid", ns_pid));
    format!("pid {}{tid}{ns_pid}, uid {}, oom_score_adj {}", known(*pid), known(*uid), known(*oom_score_adj))
}

fn details(process: &Process) -> Markup {
    html! {
        dl.facts {
            dt { "process" } dd { (numbers(process)) }
            dt { "cmdline" } dd { (process.cmdline.as_deref().map_or_else(|| html! { (ABSENT) }, cmdline)) }
            dt { "exe" } dd { (chosen(process.exe.as_ref())) }
            @for (term, words) in place::details(&process.place) { dt { (term) } dd { bdi { (words) } } }
            dt { "cgroup" } dd { (chosen(process.cgroup.as_ref())) }
        }
    }
}

/// Shows the arguments side by side. Each is its own element, so that spaces inside an argument differ from those between two.
fn cmdline(arguments: &[ByteString]) -> Markup {
    html! { @for argument in arguments { bdi.argument { (text(argument.as_bytes())) } " " } }
}
