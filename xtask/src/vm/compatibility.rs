//! `docs/compatibility.md`: what whole runs of each series came to, with the kernels they ran on. A run of some series
//! replaces their columns and leaves the others.

mod page;

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result, bail, ensure};
use oomtrace_scenarios::job::Tier;
use time::OffsetDateTime;

use self::page::Column;
use super::matrix::{Cell, Run, Verdict};
use super::{qemu, table};
use crate::kernels::Kernel;
use crate::run::say;
use crate::workspace;

/// The page, from the workspace's folder.
const PAGE: &str = "docs/compatibility.md";
/// The command that writes it.
const COMMAND: &str = "cargo xtask vm --write-compatibility";
/// Lines of a failure's reason that are shown.
const REASON_LINES: usize = 5;

/// When and where a run was made.
struct Circumstances {
    /// The day it ended, UTC.
    date: String,
    /// QEMU's own words for its version, and how it runs a guest.
    qemu: String,
}

/// Write the page, or the columns of the series that were run. Each must have been run as a whole.
pub(super) fn write(kernels: &[Kernel], scenarios: &[String], run: &Run) -> Result<()> {
    ensure_whole(kernels, scenarios, run)?;
    let date = OffsetDateTime::now_utc().date().to_string();
    let path = workspace::root().join(PAGE);
    let before = fs::read_to_string(&path).unwrap_or_default();
    let kept = page::kept(&before, |series| kernels.iter().any(|kernel| kernel.series == series));
    if let Some(series) = kept.iter().find(|column| column.has_failures()).map(|column| &column.series) {
        bail!(
            "{PAGE} was left as it is: it has failures of {series}, whose words would be lost; run {series}, too"
        );
    }
    let page = render(kernels, run, kept, &Circumstances { date, qemu: qemu::describe()? });
    fs::write(&path, page).with_context(|| format!("writing {}", path.display()))?;
    say(&format!("wrote {PAGE}"));
    Ok(())
}

/// Each scenario on each kernel with each tier, once.
fn ensure_whole(kernels: &[Kernel], scenarios: &[String], run: &Run) -> Result<()> {
    for kernel in kernels {
        for (scenario, tier) in scenarios.iter().flat_map(|scenario| Tier::ALL.map(|tier| (scenario, tier))) {
            let is_it = |cell: &&Cell| {
                cell.series == kernel.series && cell.scenario == *scenario && cell.tier == tier.name()
            };
            let cells = run.cells.iter().filter(is_it).count();
            let (series, tier) = (&kernel.series, tier.name());
            ensure!(
                cells == 1,
                "{PAGE} was left as it is: {cells} cells instead of one for {scenario} on {series}, {tier}"
            );
        }
    }
    Ok(())
}

fn render(kernels: &[Kernel], run: &Run, kept: Vec<Column>, circumstances: &Circumstances) -> String {
    let Circumstances { date, qemu } = circumstances;
    let version = env!("CARGO_PKG_VERSION");
    let mut columns: Vec<Column> = kernels.iter().map(|kernel| column(kernel, &run.cells, date)).collect();
    columns.extend(kept);
    columns.sort_by_key(|column| table::number(&column.series));
    let of = |wanted: &str| run.cells.iter().filter(|cell| word(&cell.verdict) == wanted).count();
    let (cells, took) = (run.cells.len(), table::minutes(run.elapsed));
    let (pass, fail, not_applicable) = (of("pass"), of("**fail**"), of("not applicable"));
    format!(
        "# Compatibility\n\n\
         `{COMMAND}` generated this page on {date}; do not edit it. In each cell, a guest really ran out of memory. The\n\
         cell passes if the report of oomtrace {version} agrees with every witness: the kernel's log\n\
         of the same kill, the exit statuses of the processes, `memory.events` and `/proc/vmstat`. On the tracepoint tier, a\n\
         report may omit facts that only a hook inside the decision can see; all facts in it must be right.\n\n\
         A run of some series replaces their columns. The last run: {cells} cells in {took}: {pass} pass, {fail} fail,\n\
         {not_applicable} not applicable. {qemu}.\n\n\
         ## Kernels\n\n{}\n\
         ## Scenarios\n\n\
         A single word covers all three tiers: fentry, kprobe and tracepoint. A cell that is not applicable names the option that the\n\
         kernel was built without; the harness confirms that from the kernel's list of symbols.\n\n{}{}",
        page::kernels_table(&columns),
        page::scenarios_table(&columns),
        failures(&run.cells)
    )
}

fn column(kernel: &Kernel, cells: &[Cell], date: &str) -> Column {
    let Kernel { series, release, version, .. } = kernel;
    let own: Vec<&Cell> = cells.iter().filter(|cell| cell.series == *series).collect();
    let of =
        |scenario: &str| own.iter().copied().filter(|cell| cell.scenario == scenario).collect::<Vec<_>>();
    let results = own.iter().map(|cell| (cell.scenario.clone(), tiers(&of(&cell.scenario)))).collect();
    let [series, release, version, date] = [series, release, version, date].map(str::to_owned);
    Column { series, release, version, date, results }
}

/// What one scenario came to on one kernel: for all tiers at once where they agree.
fn tiers(here: &[&Cell]) -> String {
    let of = |tier: Tier| here.iter().find(|cell| cell.tier == tier.name()).map(|cell| result(&cell.verdict));
    let results = Tier::ALL.map(|tier| of(tier).unwrap_or_else(|| page::NOT_RUN.to_owned()));
    let [first, rest @ ..] = &results;
    if rest.iter().all(|result| result == first) {
        return first.clone();
    }
    let named = Tier::ALL.iter().zip(&results).map(|(tier, result)| format!("{} {result}", tier.name()));
    named.collect::<Vec<_>>().join(", ")
}

fn result(verdict: &Verdict) -> String {
    match verdict {
        Verdict::NotApplicable(feature) => format!("{}: `{feature}=n`", word(verdict)),
        Verdict::Agrees | Verdict::Disagrees(_) | Verdict::Broken(_) | Verdict::Lost(_) => {
            word(verdict).to_owned()
        }
    }
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Agrees => "pass",
        Verdict::NotApplicable(_) => "not applicable",
        Verdict::Disagrees(_) | Verdict::Broken(_) | Verdict::Lost(_) => "**fail**",
    }
}

/// What each failure was; nothing where there is none.
fn failures(cells: &[Cell]) -> String {
    let mut failed: Vec<&Cell> = cells.iter().filter(|cell| cell.verdict.is_failure()).collect();
    failed.sort_by_key(|cell| (&cell.scenario, &cell.series, cell.tier));
    let mut text = if failed.is_empty() { String::new() } else { "\n## Failures\n".to_owned() };
    for Cell { series, scenario, tier, verdict, .. } in failed {
        let _ = writeln!(text, "\n{scenario} on {series}, {tier}:\n");
        for line in verdict.reason().lines().take(REASON_LINES) {
            let _ = writeln!(text, "    {line}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::table::tests::run;
    use super::{Circumstances, Kernel, ensure_whole, page, render};

    fn kernel(series: &str) -> Kernel {
        Kernel {
            series: series.to_owned(),
            release: format!("{series}.9-cloud-amd64"),
            version: format!("{series}.9-1~bpo"),
            vmlinuz: PathBuf::new(),
            modules: None,
        }
    }

    fn page() -> String {
        let circumstances = Circumstances { date: "2026-01-31".to_owned(), qemu: "QEMU 1.0".to_owned() };
        render(&[kernel("6.1"), kernel("6.12")], &run(), Vec::new(), &circumstances)
    }

    #[test]
    fn it_says_when_and_where() {
        let page = page();
        let wanted = [
            "on 2026-01-31;",
            "\n3 not applicable. QEMU 1.0.\n",
            "\n| 6.12 | 6.12.9-cloud-amd64 | 6.12.9-1~bpo | 2026-01-31 |\n",
            "The last run: 10 cells in 2 min 5 s: 4 pass, 3 fail,\n",
        ];
        for line in wanted {
            assert!(page.contains(line), "{line}: {page}");
        }
    }

    #[test]
    fn a_row_for_each_scenario_and_a_word_where_the_tiers_agree() {
        let table = "\n| scenario | 6.1 | 6.12 |\n| --- | --- | --- |\n\
             | cgroup | fentry not run, kprobe **fail**, tracepoint not run \
             | fentry pass, kprobe **fail**, tracepoint **fail** |\n\
             | cgroup_v1 | pass | not applicable: `MEMCG_V1=n` |\n\n## Failures\n";
        assert!(page().contains(table), "{}", page());
    }

    #[test]
    fn failures_are_told_with_the_field() {
        let page = page();
        let told = "\ncgroup on 6.12, tracepoint:\n\n    cause.code: the kernel log says global | machine, the report";
        assert!(page.contains(told), "{page}");
        let mut good = run();
        good.cells.retain(|cell| !cell.verdict.is_failure());
        let circumstances = Circumstances { date: String::new(), qemu: String::new() };
        assert!(!render(&[], &good, Vec::new(), &circumstances).contains("Failures"));
    }

    #[test]
    fn a_run_of_one_series_leaves_the_others() {
        let (old, mut new) = (page(), run());
        new.cells.retain(|cell| cell.series == "6.12");
        new.cells.iter_mut().for_each(|cell| "fresh".clone_into(&mut cell.scenario));
        let kept = page::kept(&old, |series| series == "6.12");
        assert!(kept.iter().all(|column| column.series == "6.1" && column.has_failures()), "{kept:?}");
        let circumstances = Circumstances { date: "2026-02-01".to_owned(), qemu: String::new() };
        let page = render(&[kernel("6.12")], &new, kept, &circumstances);
        for line in [
            "\n| 6.1 | 6.1.9-cloud-amd64 | 6.1.9-1~bpo | 2026-01-31 |\n| 6.12 | 6.12.9-cloud-amd64 | 6.12.9-1~bpo | 2026-02-01 |\n",
            "\n| cgroup_v1 | pass | not run |\n",
        ] {
            assert!(page.contains(line), "{line}: {page}");
        }
    }

    #[test]
    fn a_run_with_a_cell_missing_or_twice_is_refused() {
        let scenarios = ["cgroup_v1".to_owned()];
        let kernels = [kernel("6.1"), kernel("6.12")];
        let mut run = run();
        assert!(ensure_whole(&kernels, &scenarios, &run).is_ok());
        let refusal = ensure_whole(&[kernel("7.3")], &scenarios, &run).unwrap_err().to_string();
        assert!(refusal.contains("0 cells instead of one for cgroup_v1 on 7.3, fentry"), "{refusal}");
        run.cells.extend(super::super::table::tests::run().cells);
        assert!(ensure_whole(&kernels, &scenarios, &run).is_err());
    }
}
