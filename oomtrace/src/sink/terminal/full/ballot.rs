//! The kernel's ballot: the margin, the values that would have changed the choice, and the rows.

use std::collections::BTreeMap;

use super::{
    super::{
        sanitize::name,
        units::{self, ABSENT, count, or_absent},
    },
    sheet::Sheet,
};
use crate::{
    incident::PassedOver,
    report::{Candidate, Report},
    sink::{
        margin::{self, process},
        words,
    },
};

/// The maximum number of rows shown. JSON has them all.
const SHOWN: usize = 10;

/// Columns of the table.
const COLUMNS: usize = 8;

/// The margin, and the values that would have changed the choice.
pub(super) fn margin(sheet: &mut Sheet, report: &Report) {
    let Some(ahead) = margin::ahead(report) else { return };
    sheet.named("margin", &ahead);
    if let Some(otherwise) = margin::otherwise(report) {
        sheet.named("otherwise", &otherwise);
    }
}

/// The rows, and the numbers of tasks without one.
pub(super) fn candidates(sheet: &mut Sheet, report: &Report) {
    let Some(candidates) = &report.candidates else { return };
    sheet.section(
        "candidates",
        "points = rss + swap + tables + adj + what these counters do not explain (diff), in pages",
    );
    let contenders = candidates.iter().filter(|row| row.passed_over.is_none());
    let shown = contenders.clone().take(SHOWN).map(row);
    let table: Vec<[String; COLUMNS]> = std::iter::once(head()).chain(shown).collect();
    if table.len() > 1 {
        sheet.table(&table);
    }
    let hidden = contenders.count().saturating_sub(SHOWN);
    if hidden > 0 {
        sheet.more(&format!(
            "and {} more with no more points (--format json has all of them)",
            count_of(hidden)
        ));
    }
    passed_over(sheet, report, candidates);
    if let Some(left_out) = report.candidates_left_out.filter(|left_out| *left_out > 0) {
        sheet.more(&format!("left out: {}, for which there was no room", count(left_out)));
    }
}

fn head() -> [String; COLUMNS] {
    ["points", "rss", "swap", "tables", "adj", "diff", "oom_score_adj", "process"].map(str::to_owned)
}

fn row(row: &Candidate) -> [String; COLUMNS] {
    let pages = |pages: Option<u64>| or_absent(pages.map(count));
    let signed = |pages: Option<i64>| or_absent(pages.map(count));
    let points = if row.oom_flag_origin { "the first".to_owned() } else { signed(row.points) };
    let place = row.cgroup.as_ref().map(|path| format!(" in {}", name(path.as_bytes()))).unwrap_or_default();
    let mark = if row.chosen { "  <- chosen" } else { "" };
    [
        points,
        pages(row.rss_pages),
        pages(row.swap_pages),
        pages(row.pgtables_pages),
        signed(row.adj_pages),
        signed(row.difference_pages),
        or_absent(row.oom_score_adj),
        format!("{}{place}{mark}", process(row)),
    ]
}

/// The number of tasks that could not be chosen, by reason.
fn passed_over(sheet: &mut Sheet, report: &Report, candidates: &[Candidate]) {
    let mut reasons: BTreeMap<PassedOver, usize> = BTreeMap::new();
    for reason in candidates.iter().filter_map(|row| row.passed_over) {
        *reasons.entry(reason).or_default() += 1;
    }
    let mut printed: Vec<String> = reasons
        .into_iter()
        .map(|(reason, number)| format!("{} {}", count_of(number), words::passed_over(reason)))
        .collect();
    if let Some(threads) = report.kernel_threads.filter(|threads| *threads > 0) {
        let noun = if threads == 1 { "kernel thread" } else { "kernel threads" };
        printed.push(format!("{} {noun}", count(threads)));
    }
    if !printed.is_empty() {
        sheet.more(&format!("passed over: {}", printed.join(", ")));
    }
    largest_passed_over(sheet, report, candidates);
}

/// The largest task among those passed over, which matters most if no kill helped.
fn largest_passed_over(sheet: &mut Sheet, report: &Report, candidates: &[Candidate]) {
    let rows = candidates.iter().filter_map(|row| Some((row, row.passed_over?, row.rss_pages?)));
    let largest = rows.filter(|(.., rss)| *rss > 0).max_by_key(|(.., rss)| *rss);
    if let Some((row, reason, rss)) = largest {
        let held = units::pages(rss, report.page_bytes());
        sheet.more(&format!(
            "largest of them: {}, {held} resident, {}",
            process(row),
            words::passed_over(reason)
        ));
    }
}

fn count_of(number: usize) -> String {
    u64::try_from(number).map_or_else(|_| ABSENT.to_owned(), count)
}

#[cfg(test)]
mod tests {
    use super::{Sheet, candidates, margin};
    use crate::{
        incident::PassedOver,
        report::{Candidate, Report},
        sink::terminal::{Paint, example},
    };

    fn printed(report: &Report) -> String {
        let mut sheet = Sheet { text: String::new(), paint: Paint { colour: false } };
        margin(&mut sheet, report);
        candidates(&mut sheet, report);
        sheet.text
    }

    fn altered(alter: impl Fn(&mut Report)) -> String {
        let mut report = example::memcg_kill();
        alter(&mut report);
        printed(&report)
    }

    #[test]
    fn shows_the_margin_and_the_values_that_change_the_choice() {
        let text = printed(&example::memcg_kill());
        assert!(text.contains("margin    5 943 pages (23.2 MiB) over java (pid 90)\n"), "{text}");
        assert!(
            text.contains(
                "otherwise java (pid 90) would have been chosen with an oom_score_adj of 472 or more for itself, \
                 or of -372 or less for python3 (pid 812)\n"
            ),
            "{text}"
        );
        let text = altered(|report| {
            report.selection.margin_points = Some(0);
            report.selection.runner_up_adj_at_least = None;
            report.selection.chosen_adj_at_most = Some(-1000);
        });
        assert!(text.contains("none over java (pid 90): with equal points"), "{text}");
        assert!(text.contains("with an oom_score_adj of -1000 for python3 (pid 812)\n"), "{text}");
        let text = altered(|report| report.selection.margin_points = None);
        assert!(!text.contains("margin") && !text.contains("otherwise"), "{text}");
    }

    #[test]
    fn shows_ten_rows_and_counts_the_others() {
        let text = altered(|report| {
            let rows = report.candidates.as_mut().unwrap();
            let more = vec![Candidate { pid: Some(7), chosen: false, ..rows[0].clone() }; 20];
            rows.splice(1..1, more);
            report.candidates_left_out = Some(1200);
        });
        assert_eq!(text.matches("python3 (pid 7)").count(), 9, "{text}");
        assert!(text.contains("and 12 more with no more points"), "{text}");
        assert!(text.contains("left out: 1 200, for which there was no room"), "{text}");
    }

    #[test]
    fn counts_reasons_and_shows_no_sum_for_an_origin() {
        let text = altered(|report| {
            let rows = report.candidates.as_mut().unwrap();
            let vfork = Candidate { passed_over: Some(PassedOver::InVfork), ..rows[2].clone() };
            rows.push(vfork);
            (rows[0].oom_flag_origin, rows[0].points, rows[0].difference_pages) = (true, None, None);
            report.kernel_threads = Some(1);
        });
        assert!(
            text.contains("passed over: 1 at oom_score_adj -1000, 1 in vfork, 1 kernel thread\n"),
            "{text}"
        );
        assert!(text.contains("the first"), "{text}");
        let none = altered(|report| report.candidates = None);
        assert!(!none.contains("candidates"), "{none}");
        let nobody = altered(|report| report.candidates.as_mut().unwrap().drain(..2).for_each(drop));
        assert!(
            nobody.contains("passed over: 1 at") && !nobody.contains("oom_score_adj  process"),
            "{nobody}"
        );
    }
}
