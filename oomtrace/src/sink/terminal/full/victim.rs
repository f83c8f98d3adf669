//! The victims: their memory, and what happened to them after the decision.

use super::{
    super::units::{ABSENT, or_absent, size, span},
    process::{brief, numbers, places, title},
    sheet::Sheet,
};
use crate::{
    report::{Aftermath, Memory, Report, Victim},
    sink::words,
};

/// The maximum number of victims shown in full.
const WHOLE: usize = 4;

/// The maximum number of victims shown. A group can have thousands, and JSON has them all.
const SHOWN: usize = 64;

pub(super) fn victims(sheet: &mut Sheet, report: &Report) {
    if report.victims.is_empty() {
        return sheet.section("victim", ABSENT);
    }
    for (index, victim) in report.victims.iter().take(SHOWN).enumerate() {
        if index < WHOLE {
            whole(sheet, victim);
        } else {
            sheet.section("victim", &format!("{}: {}", brief(&victim.process), words::role(victim.role)));
        }
    }
    let hidden = report.victims.len().saturating_sub(SHOWN);
    if hidden > 0 {
        sheet.more(&format!("and {hidden} more (--format json has all of them)"));
    }
}

fn whole(sheet: &mut Sheet, victim: &Victim) {
    let name = sheet.paint.red(&title(&victim.process));
    sheet.section("victim", &format!("{name}: {}", words::role(victim.role)));
    sheet.named("process", &numbers(&victim.process));
    places(sheet, &victim.process);
    sheet.named("memory", &victim.memory.map_or_else(|| ABSENT.to_owned(), memory));
    sheet.named("then", &aftermath(victim.aftermath));
}

fn memory(memory: Memory) -> String {
    let Memory {
        total_vm_bytes,
        anon_rss_bytes,
        file_rss_bytes,
        shmem_rss_bytes,
        swap_bytes,
        pgtables_bytes,
    } = memory;
    let resident = anon_rss_bytes.saturating_add(file_rss_bytes).saturating_add(shmem_rss_bytes);
    let [anon, file, shmem] = [anon_rss_bytes, file_rss_bytes, shmem_rss_bytes].map(size);
    let [resident, swap, pgtables, total] = [resident, swap_bytes, pgtables_bytes, total_vm_bytes].map(size);
    format!(
        "{resident} resident (anon {anon}, file {file}, shmem {shmem}), swap {swap}, page tables {pgtables}, \
         address space {total}"
    )
}

fn aftermath(aftermath: Aftermath) -> String {
    let Aftermath { sigkill_ns, reap_start_ns, reap_end_ns, exit_ns, reaped_bytes } = aftermath;
    let after = |ns: Option<u64>| or_absent(ns.map(|ns| format!("+{}", span(ns))));
    let reaper = match (reap_start_ns, reap_end_ns) {
        (None, None) => ABSENT.to_owned(),
        (start, end) => format!("{} to {}", after(start), after(end)),
    };
    let reaped = reaped_bytes.map(|bytes| format!(" ({})", size(bytes))).unwrap_or_default();
    format!("SIGKILL {}, reaper {reaper}{reaped}, exit {}", after(sigkill_ns), after(exit_ns))
}
