//! The end of a run: a row for each scenario, a column for each series, a letter for each tier, and commands that run failed
//! cells again.

use std::fmt::Write as _;
use std::time::Duration;

use super::matrix::{Cell, Run, Verdict};
use oomtrace_object::Arch;
use oomtrace_scenarios::job::Tier;

/// The meaning of the letters.
const LEGEND: &str = "f fentry, k kprobe, t tracepoint, w witnesses without a tracer: agreed; - not applicable or skipped; \
                      X disagreed, B broken, L lost";

/// The minimum width of a series' column.
const COLUMN: usize = 4;

/// The table, the counts, and a command for each failed cell.
pub(crate) fn render(run: &Run) -> String {
    let failed: Vec<&Cell> = run.cells.iter().filter(|cell| cell.verdict.is_failure()).collect();
    let mut text = format!("\n{}\n{LEGEND}\n{}\n", grid(&run.cells), count(run, failed.len()));
    for cell in failed {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "again: {}", command(cell, run));
    }
    text
}

fn grid(cells: &[Cell]) -> String {
    let (series, scenarios) = (series(cells), scenarios(cells));
    let first = scenarios.iter().map(|name| name.len()).max().unwrap_or_default();
    let mut text = format!("{:first$}", "");
    for name in &series {
        let _ = write!(text, "  {name:<COLUMN$}");
    }
    for scenario in scenarios {
        let _ = write!(text, "\n{scenario:<first$}");
        for name in &series {
            let here = |cell: &&Cell| cell.scenario == scenario && cell.series == *name;
            let letters = letters(&cells.iter().filter(here).collect::<Vec<_>>());
            let _ = write!(text, "  {letters:<0$}", name.len().max(COLUMN));
        }
    }
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// A letter for each tier, in their order; a space for one that did not run.
fn letters(here: &[&Cell]) -> String {
    let letter = |tier: &str| here.iter().find(|cell| cell.tier == tier).map(|cell| letter(cell));
    if let Some(letter) = letter("-") {
        return letter.to_string();
    }
    Tier::ALL.iter().map(|tier| letter(tier.name()).unwrap_or(' ')).collect()
}

fn letter(cell: &Cell) -> char {
    match cell.verdict {
        Verdict::Agrees if cell.tier == "-" => 'w',
        Verdict::Agrees => cell.tier.chars().next().unwrap_or('?'),
        Verdict::Disagrees(_) => 'X',
        Verdict::NotApplicable(_) | Verdict::Skipped(_) => '-',
        Verdict::Broken(_) => 'B',
        Verdict::Lost(_) => 'L',
    }
}

/// The number of cells in words.
pub(super) fn cells(count: usize) -> String {
    if count == 1 { "1 cell".to_owned() } else { format!("{count} cells") }
}

fn count(run: &Run, failed: usize) -> String {
    let of = |wanted: fn(&Verdict) -> bool| run.cells.iter().filter(|cell| wanted(&cell.verdict)).count();
    let agreed = of(|verdict| matches!(verdict, Verdict::Agrees));
    let not_applicable = of(|verdict| matches!(verdict, Verdict::NotApplicable(_) | Verdict::Skipped(_)));
    let (cells, took) = (cells(run.cells.len()), minutes(run.elapsed));
    let again = match run.cells.iter().filter(|cell| cell.ran > 0).count() {
        0 => String::new(),
        again => format!(" ({again} after figures had moved)"),
    };
    format!("{cells} in {took}: {agreed} ok, {failed} failed, {not_applicable} not applicable{again}")
}

/// Formats a time as `12 min 3 s`.
pub(super) fn minutes(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    format!("{} min {} s", seconds / 60, seconds % 60)
}

/// The command that runs one cell alone and keeps the guest's output.
fn command(cell: &Cell, run: &Run) -> String {
    let how = match cell.tier {
        "-" => "--no-tracer".to_owned(),
        tier => format!("--tier {tier}"),
    };
    let fault = run.fault.as_ref().map(|fault| format!(" --fault {fault}")).unwrap_or_default();
    let arch = match run.arch {
        Arch::X86_64 => String::new(),
        Arch::Aarch64 => format!(" --arch {}", run.arch),
    };
    format!("cargo xtask vm {}{arch} --scenario {} {how}{fault} --keep-log", cell.series, cell.scenario)
}

/// The series in the order of their numbers, each once.
pub(super) fn series(cells: &[Cell]) -> Vec<&str> {
    let mut series = unique(cells.iter().map(|cell| cell.series.as_str()));
    series.sort_by_key(|name| number(name));
    series
}

/// The sort key of a series. A flavour comes after the series without one.
pub(super) fn number(series: &str) -> Vec<u32> {
    series.split(['.', '-']).map(|part| part.parse().unwrap_or(0)).collect()
}

/// The scenarios by name, each once.
pub(super) fn scenarios(cells: &[Cell]) -> Vec<&str> {
    unique(cells.iter().map(|cell| cell.scenario.as_str()))
}

fn unique<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use oomtrace_scenarios::compare::Disagreement;

    use super::{Arch, Cell, Run, Verdict, render};

    fn cell(series: &str, scenario: &str, tier: &'static str, verdict: Verdict) -> Cell {
        Cell {
            series: series.to_owned(),
            scenario: scenario.to_owned(),
            tier,
            verdict,
            elapsed_ms: 7,
            ran: 0,
        }
    }

    /// A run with two kernels: one with only agreeing cells, and one with each kind of cell.
    pub(crate) fn run() -> Run {
        let wrong = || Disagreement {
            field: "cause.code".to_owned(),
            witness: "kernel log",
            says: "global | machine".to_owned(),
            report: "\"memcg_limit\"".to_owned(),
        };
        let lacking = || Verdict::NotApplicable("MEMCG_V1".to_owned());
        let cells = vec![
            cell("6.12", "cgroup", "tracepoint", Verdict::Disagrees(vec![wrong(), wrong()])),
            cell("6.12", "cgroup", "kprobe", Verdict::Lost("it hung\nthe console".to_owned())),
            cell("6.12", "cgroup", "fentry", Verdict::Agrees),
            cell("6.12", "cgroup_v1", "fentry", lacking()),
            cell("6.12", "cgroup_v1", "kprobe", lacking()),
            cell("6.12", "cgroup_v1", "tracepoint", lacking()),
            cell("6.1", "cgroup_v1", "fentry", Verdict::Agrees),
            cell("6.1", "cgroup_v1", "kprobe", Verdict::Agrees),
            cell("6.1", "cgroup_v1", "tracepoint", Verdict::Agrees),
            cell("6.1", "cgroup", "kprobe", Verdict::Broken("no hog".to_owned())),
        ];
        Run { arch: Arch::X86_64, cells, elapsed: Duration::from_secs(125), fault: None }
    }

    #[test]
    fn prints_a_letter_for_each_tier_and_a_command_for_each_failure() {
        let text = render(&run());
        let grid = "\n           6.1   6.12\ncgroup      B    fLX\ncgroup_v1  fkt   ---\n";
        assert!(text.starts_with(grid), "{text}");
        assert!(text.contains("10 cells in 2 min 5 s: 4 ok, 3 failed, 3 not applicable\n"), "{text}");
        let again = "again: cargo xtask vm 6.12 --scenario cgroup --tier kprobe --keep-log\n";
        assert!(text.contains(again) && text.matches("again: ").count() == 3, "{text}");
    }

    #[test]
    fn repeats_runs_with_a_fault_and_without_a_tracer() {
        let render_one = |tier, verdict, fault: Option<&str>| {
            let cells = vec![cell("7.3", "cgroup", tier, verdict)];
            let fault = fault.map(str::to_owned);
            render(&Run { arch: Arch::X86_64, cells, elapsed: Duration::ZERO, fault })
        };
        let broken = || Verdict::Broken(String::new());
        let text = render_one("kprobe", broken(), Some("drop:Exit"));
        let again =
            "again: cargo xtask vm 7.3 --scenario cgroup --tier kprobe --fault drop:Exit --keep-log\n";
        assert!(text.ends_with(again), "{text}");
        let text = render_one("-", broken(), None);
        assert!(
            text.ends_with("again: cargo xtask vm 7.3 --scenario cgroup --no-tracer --keep-log\n"),
            "{text}"
        );
        let text = render_one("-", Verdict::Agrees, None);
        assert!(text.contains("cgroup  w\n") && !text.contains("again"), "{text}");
    }

    #[test]
    fn repeats_runs_on_their_architecture_and_widens_columns_for_flavours() {
        let cells = vec![
            cell("7.3", "cgroup", "fentry", Verdict::Agrees),
            cell("7.3-16k", "cgroup", "fentry", Verdict::Broken(String::new())),
        ];
        let text = render(&Run { arch: Arch::Aarch64, cells, elapsed: Duration::ZERO, fault: None });
        assert!(text.starts_with("\n        7.3   7.3-16k\ncgroup  f     B\n"), "{text}");
        let again =
            "again: cargo xtask vm 7.3-16k --arch aarch64 --scenario cgroup --tier fentry --keep-log\n";
        assert!(text.ends_with(again), "{text}");
    }

    #[test]
    fn orders_series_by_number() {
        let names = ["10.0", "6.12", "5.10", "6.12-16k", "6.1"];
        let cells: Vec<Cell> =
            names.iter().map(|name| cell(name, "cgroup", "fentry", Verdict::Agrees)).collect();
        assert_eq!(super::series(&cells), ["5.10", "6.1", "6.12", "6.12-16k", "10.0"]);
    }
}
