//! `docs/compatibility.md`: the results of each series with its kernels, for each architecture. A run replaces the cells that
//! it ran and keeps the others.

mod failures;
mod page;

use std::fs;

use anyhow::{Result, ensure};
use oomtrace_object::Arch;
use oomtrace_scenarios::job::Tier;
use time::OffsetDateTime;

use self::page::Column;
use super::matrix::{Cell, Run, Verdict};
use super::{guest::qemu, table};
use crate::host::run::say;
use crate::host::workspace;
use crate::kernels::Kernel;

/// The page, relative to the workspace.
const PAGE: &str = "docs/compatibility.md";
/// What recent kernels changed, in words.
const CHANGES: &str = include_str!("compatibility/changes.md");
/// The command that writes it.
const COMMAND: &str = "cargo xtask vm --write-compatibility";

/// The time and place of a run.
struct Circumstances {
    /// The day of its end, UTC.
    date: String,
    /// QEMU's version as it prints it, and the way it runs a guest.
    qemu: String,
}

/// Write the page, or replace the cells that were run.
pub(super) fn write(kernels: &[Kernel], run: &Run) -> Result<()> {
    ensure_once(run)?;
    let date = OffsetDateTime::now_utc().date().to_string();
    let path = workspace::root().join(PAGE);
    let before = fs::read_to_string(&path).unwrap_or_default();
    let circumstances = Circumstances { date, qemu: qemu::describe(run.arch)? };
    let part = |arch: Arch| {
        let old = part(&before, arch);
        if arch == run.arch { render(kernels, run, old, &circumstances) } else { old.to_owned() }
    };
    let parts = Arch::ALL.map(part);
    let page = format!("{}{CHANGES}{}", introduction(), parts.concat());
    fs::write(&path, page.trim_end().to_owned() + "\n")?;
    say(&format!("wrote {PAGE}"));
    Ok(())
}

/// Checks that each scenario ran at most once on each kernel with each tier.
fn ensure_once(run: &Run) -> Result<()> {
    let name = |cell: &Cell| (cell.series.clone(), cell.scenario.clone(), cell.tier);
    for cell in &run.cells {
        let cells = run.cells.iter().filter(|other| name(other) == name(cell)).count();
        let Cell { series, scenario, tier, .. } = cell;
        ensure!(
            cells == 1,
            "{PAGE} was not changed: {cells} cells instead of one for {scenario} on {series}, {tier}"
        );
    }
    Ok(())
}

fn introduction() -> String {
    format!(
        "# Compatibility\n\n\
         `{COMMAND}` generates this page; do not edit it. In each cell, a guest really ran out of memory. The\n\
         cell passes if the report of oomtrace agrees with every witness: the kernel's log\n\
         of the same kill, the exit statuses of the processes, `memory.events` and `/proc/vmstat`. On the tracepoint tier, a\n\
         report may omit facts that only a hook inside the decision can see; all facts in it must be right.\n\n\
         A run replaces the cells that it ran. A single word covers all three tiers: fentry, kprobe and tracepoint. A cell that\n\
         is not applicable names the option that the kernel was built without; the harness confirms that from the kernel's list of\n\
         symbols.\n\n"
    )
}

/// The heading of an architecture's part.
fn heading(arch: Arch) -> String {
    format!("## {arch}\n")
}

/// An architecture's part of a page; empty if there is none.
fn part(page: &str, arch: Arch) -> &str {
    let heading = heading(arch);
    let Some(start) = page.find(&heading) else { return "" };
    let from = page.get(start..).unwrap_or_default();
    let next = from.get(heading.len()..).and_then(|rest| rest.find("\n## "));
    next.and_then(|end| from.get(..heading.len() + end + 1)).unwrap_or(from)
}

fn render(kernels: &[Kernel], run: &Run, old: &str, circumstances: &Circumstances) -> String {
    let Circumstances { date, qemu } = circumstances;
    let columns = columns(kernels, run, old, date);
    let of = |wanted: &str| run.cells.iter().filter(|cell| word(&cell.verdict) == wanted).count();
    let (cells, took, version) =
        (table::cells(run.cells.len()), table::minutes(run.elapsed), env!("CARGO_PKG_VERSION"));
    let (pass, fail, not_applicable) = (of("pass"), of("**fail**"), of("not applicable"));
    format!(
        "{}\nThe last run, on {date} with oomtrace {version}: {cells} in {took}: {pass} pass, {fail} fail, {not_applicable} not applicable.\n\
         {qemu}.\n\n### Kernels\n\n{}\n### Scenarios\n\n{}{}\n",
        heading(run.arch),
        page::kernels_table(&columns),
        page::scenarios_table(&columns),
        failures::render(&columns, &failures::of_run(&run.cells), &failures::of_page(old))
    )
}

/// The columns of the run, with cells of older runs that it did not run, and the other columns.
fn columns(kernels: &[Kernel], run: &Run, old: &str, date: &str) -> Vec<Column> {
    let mut columns: Vec<Column> = kernels.iter().map(|kernel| column(kernel, &run.cells, date)).collect();
    for old in page::columns(old) {
        match columns.iter_mut().find(|column| column.series == old.series) {
            Some(column) => column.complete_from(old),
            None => columns.push(old),
        }
    }
    columns.sort_by_key(|column| table::number(&column.series));
    columns
}

fn column(kernel: &Kernel, cells: &[Cell], date: &str) -> Column {
    let Kernel { series, release, version, .. } = kernel;
    let own = cells.iter().filter(|cell| cell.series == *series);
    let mut results = std::collections::BTreeMap::new();
    for cell in own {
        let tiers = results.entry(cell.scenario.clone()).or_insert_with(page::not_run);
        for (_, tier) in Tier::ALL.iter().zip(tiers).filter(|(tier, _)| tier.name() == cell.tier) {
            *tier = result(&cell.verdict);
        }
    }
    let [series, release, version, date] = [series, release, version, date].map(str::to_owned);
    Column { series, release, version, date, results }
}

fn result(verdict: &Verdict) -> String {
    match verdict {
        Verdict::NotApplicable(feature) => format!("{}: `{feature}=n`", word(verdict)),
        Verdict::Agrees
        | Verdict::Skipped(_)
        | Verdict::Disagrees(_)
        | Verdict::Broken(_)
        | Verdict::Lost(_) => word(verdict).to_owned(),
    }
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Agrees => "pass",
        Verdict::NotApplicable(_) => "not applicable",
        Verdict::Skipped(_) => page::NOT_RUN,
        Verdict::Disagrees(_) | Verdict::Broken(_) | Verdict::Lost(_) => "**fail**",
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::{matrix::Verdict, table::tests::run};
    use super::{Arch, Circumstances, Kernel, Run, ensure_once, introduction, page, part};

    fn kernel(series: &str) -> Kernel {
        Kernel {
            series: series.to_owned(),
            arch: Arch::X86_64,
            release: format!("{series}.9-cloud-amd64"),
            version: format!("{series}.9-1~bpo"),
            vmlinuz: PathBuf::new(),
            modules: None,
        }
    }

    fn render(kernels: &[&str], run: &Run, old: &str) -> String {
        let circumstances = Circumstances { date: "2026-01-31".to_owned(), qemu: "QEMU 1.0".to_owned() };
        let kernels: Vec<Kernel> = kernels.iter().copied().map(kernel).collect();
        super::render(&kernels, run, old, &circumstances)
    }

    #[test]
    fn reports_the_time_and_place_of_the_run() {
        let text = render(&["6.1", "6.12"], &run(), "");
        let version = env!("CARGO_PKG_VERSION");
        let last = format!(
            "\nThe last run, on 2026-01-31 with oomtrace {version}: 10 cells in 2 min 5 s: 4 pass, 3 fail, 3 not applicable.\nQEMU 1.0.\n"
        );
        let wanted = [last.as_str(), "\n| 6.12 | 6.12.9-cloud-amd64 | 6.12.9-1~bpo | 2026-01-31 |\n"];
        for line in wanted {
            assert!(text.contains(line), "{line}: {text}");
        }
    }

    #[test]
    fn writes_a_row_for_each_scenario_and_one_word_if_the_tiers_agree() {
        let text = render(&["6.1", "6.12"], &run(), "");
        let table = "\n| scenario | 6.1 | 6.12 |\n| --- | --- | --- |\n\
             | cgroup | fentry not run, kprobe **fail**, tracepoint not run \
             | fentry pass, kprobe **fail**, tracepoint **fail** |\n\
             | cgroup_v1 | pass | not applicable: `MEMCG_V1=n` |\n\n### Failures\n";
        assert!(text.contains(table), "{text}");
    }

    #[test]
    fn reports_failures_with_the_field() {
        let text = render(&["6.1", "6.12"], &run(), "");
        let told = "\ncgroup on 6.12, tracepoint:\n\n    cause.code: the kernel log says global | machine, the report";
        assert!(text.contains(told), "{text}");
        assert!(!render(&["6.1", "6.12"], &good(), "").contains("Failures"));
    }

    fn good() -> Run {
        let mut good = run();
        good.cells.retain(|cell| !cell.verdict.is_failure());
        good
    }

    #[test]
    fn keeps_cells_that_were_not_run() {
        let old = render(&["6.1", "6.12"], &good(), "");
        let mut new = good();
        new.cells.retain(|cell| cell.series == "6.12" && cell.tier == "fentry" && cell.scenario == "cgroup");
        new.cells.iter_mut().for_each(|cell| "fresh".clone_into(&mut cell.scenario));
        let text = render(&["6.12"], &new, &old);
        for line in [
            "\n| cgroup | not run | fentry pass, kprobe not run, tracepoint not run |\n",
            "\n| cgroup_v1 | pass | not applicable: `MEMCG_V1=n` |\n",
            "\n| fresh | not run | fentry pass, kprobe not run, tracepoint not run |\n",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        let moved = old.replace("6.12.9-cloud", "6.12.8-cloud");
        assert!(!render(&["6.12"], &new, &moved).contains("MEMCG_V1"), "of another release");
    }

    #[test]
    fn keeps_the_reason_of_a_failure_until_its_cell_passes() {
        let told = "\n### Failures\n\ncgroup on 6.1, kprobe:\n\n    ";
        let old = render(&["6.1", "6.12"], &run(), "");
        assert!(old.contains(told), "{old}");
        let mut of_other_kernel = good();
        of_other_kernel.cells.retain(|cell| cell.series == "6.12");
        let next = render(&["6.12"], &of_other_kernel, &old);
        assert!(next.contains(told), "{next}");
        assert_eq!(render(&["6.12"], &of_other_kernel, &next), next);
        let mut passed = run();
        passed.cells.retain(|cell| cell.series == "6.1" && cell.verdict.is_failure());
        passed.cells.iter_mut().for_each(|cell| cell.verdict = Verdict::Agrees);
        assert!(!render(&["6.1"], &passed, &next).contains("on 6.1,"));
    }

    #[test]
    fn writes_a_part_for_each_architecture() {
        let x86_64 = render(&["6.1", "6.12"], &good(), "");
        let aarch64 = x86_64.replace("## x86_64", "## aarch64");
        let page = [introduction(), x86_64.clone(), aarch64.clone()].concat();
        assert_eq!([part(&page, Arch::X86_64), part(&page, Arch::Aarch64)], [x86_64, aarch64]);
        assert_eq!(page::columns(part(&page, Arch::Aarch64)).len(), 2);
        assert_eq!(part("# Compatibility\n", Arch::X86_64), "");
    }

    #[test]
    fn rejects_a_run_with_a_repeated_cell() {
        let mut run = run();
        assert!(ensure_once(&run).is_ok());
        run.cells.extend(super::super::table::tests::run().cells);
        let refusal = ensure_once(&run).unwrap_err().to_string();
        assert!(refusal.contains("2 cells instead of one for cgroup on 6.12, tracepoint"), "{refusal}");
    }
}
