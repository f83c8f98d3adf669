//! The composition of the memory: that of the victims, and that of the cgroup that ran out.

use maud::{Markup, html};

use super::ballot::swatch;
use crate::{
    explain::Outcome,
    report::{Memory, Report, Victim},
    sink::{
        html::{
            bar::{self, Part, filled, stacked},
            text::{chosen, known, number},
        },
        memory_stat,
        terminal::units::size,
    },
};

/// Number of victims to show. A group can have thousands.
const SHOWN: usize = 16;

pub(super) fn memory(report: &Report) -> Markup {
    let held: Vec<(&Victim, Memory)> =
        report.victims.iter().filter_map(|victim| Some((victim, victim.memory?))).collect();
    let full = held.iter().map(|(_, memory)| bar::end(&parts(*memory))).max();
    let hidden = held.len().saturating_sub(SHOWN);
    html! {
        section #memory aria-labelledby="memory-h" {
            h2 #memory-h { "What the memory was" }
            @if report.selection.outcome == Some(Outcome::NoKill) { p { "No process was killed." } }
            @else if held.is_empty() { p { "The victim's memory was not seen." } }
            @for (victim, memory) in held.iter().take(SHOWN) { (self::victim(victim, *memory, full.unwrap_or(0))) }
            @if hidden > 0 { p.more { "and " (number(hidden)) " more victims" } }
            (cgroup(report))
        }
    }
}

fn parts(memory: Memory) -> [Part; 5] {
    [
        ("anon", "anon", memory.anon_rss_bytes),
        ("file", "file", memory.file_rss_bytes),
        ("shmem", "shmem", memory.shmem_rss_bytes),
        ("swap", "swap", memory.swap_bytes),
        ("tables", "page tables", memory.pgtables_bytes),
    ]
    .map(|(kind, what, value)| Part { kind, value, words: format!("{what} {}", size(value)) })
}

fn victim(victim: &Victim, memory: Memory, full: u64) -> Markup {
    let parts = parts(memory);
    let label = parts.iter().map(|part| part.words.as_str()).collect::<Vec<_>>().join(", ");
    html! {
        div.composition {
            p.title {
                (chosen(victim.process.comm.as_ref())) " " span.pid { "pid " (known(victim.process.pid)) }
                span.value { (size(memory.resident_bytes())) " resident" }
            }
            (stacked(&parts, full, None, &label))
            p.legend {
                @for part in &parts { span { (swatch(part.kind)) (part.words) } }
                span { "address space " (size(memory.total_vm_bytes)) }
            }
        }
    }
}

/// Shows the composition of the cgroup's memory. The figures overlap, so each has its own bar.
fn cgroup(report: &Report) -> Markup {
    let parts = memory_stat::composition(&report.domain);
    let most = parts.iter().map(|(_, bytes)| *bytes).max().unwrap_or(0);
    let full = report.domain.usage_bytes.unwrap_or(0).max(most);
    html! {
        @if !parts.is_empty() {
            h3 { "In " (chosen(report.domain.cgroup.as_ref())) }
            p.small { "memory.stat, read right after the decision; the figures overlap" }
            table.stat {
                thead.hidden { tr { th scope="col" { "figure" } th scope="col" { "size" } th scope="col" { "drawn" } } }
                tbody { @for (name, bytes) in parts { tr {
                    th scope="row" { (name) }
                    td.number { (size(bytes)) }
                    td aria-hidden="true" { (filled(bytes, Some(full), None, "used", name)) }
                } } }
            }
        }
    }
}
