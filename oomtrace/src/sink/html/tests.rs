//! Tests of the pages as text. `cargo xtask test --only pages` tests them in a browser.

use super::page;
use crate::{
    explain::Outcome,
    report::Report,
    sink::terminal::{example, sanitize::is_deceptive},
};

/// Returns the page without its style and its JSON.
fn page_of(report: &Report) -> String {
    let page = page(report);
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, rest) = rest.split_once("</style>").unwrap();
    let (body, _) = rest.split_once("<details class=\"facts\"").unwrap();
    format!("{head}{body}")
}

#[test]
fn loads_nothing_and_runs_nothing() {
    for report in [
        example::memcg_kill(),
        example::tracepoint_kill(),
        example::hostile_kill(),
        example::tmpfs_kill(),
        example::movable_kill(),
    ] {
        let page = page(&report).to_lowercase();
        for forbidden in
            ["<script", "src=", "href=", "url(", "@import", "<iframe", "<link", "onload=", "onclick="]
        {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("default-src 'none'"));
    }
}

#[test]
fn shows_dash_for_unknown_value() {
    let page = page_of(&example::tracepoint_kill());
    assert!(page.contains("The tier tracepoint does not see the decision itself"), "{page}");
    assert!(page.contains("frames lost: 3") && page.contains("The candidates were not seen."), "{page}");
    assert!(page.contains("<dt>It held</dt><dd>–</dd>"), "{page}");
    assert!(!page.contains("0 B") && !page.contains(">0 points"), "{page}");
}

#[test]
fn reports_no_kill_without_missing_victim() {
    let mut report = example::memcg_kill();
    report.victims.clear();
    report.selection.outcome = Some(Outcome::NoKill);
    let page = page_of(&report);
    assert!(
        page.contains("<dt>Victim</dt><dd>none</dd>") && page.contains("<p>No process was killed.</p>"),
        "{page}"
    );
    assert!(!page.contains("memory was not seen") && !page.contains("<dt>Margin</dt>"), "{page}");
}

#[test]
fn escapes_names_and_deceptive_characters() {
    let mut report = example::hostile_kill();
    let markup = "<img src=x onerror=alert(1)>&\"'";
    report.cause.summary = markup.to_owned();
    report.host = Some(markup.to_owned());
    report.id = markup.to_owned();
    report.victims[0].process.cmdline = Some(vec![markup.into()]);
    report.trigger.as_mut().unwrap().comm = Some(markup.into());
    let whole = page(&report);
    assert!(!whole.contains("<img"));
    let deceptive = whole.chars().find(|character| *character != '\n' && is_deceptive(*character));
    assert_eq!(deceptive, None);
    assert!(page_of(&report).contains(r"\x1b[2J\x0a\x9b31m"));
}

#[test]
fn shows_limit_of_each_level() {
    let page = page_of(&example::memcg_kill());
    for words in
        ["64.0 MiB of 64.0 MiB", "1.1 GiB, no limit", "<strong class=\"badge\">hit</strong>", "high –"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert_eq!(
        page.matches("class=\"open\"").count(),
        1,
        "no bar without a usage, an open one without a limit"
    );
}

#[test]
fn shows_sum_and_margin_of_ballot() {
    let page = page_of(&example::memcg_kill());
    for words in [
        "15 846 rss + 0 swap + 92 tables + 0 adj = 15 938",
        "8 370 rss + 0 swap + 20 tables + 1 600 adj + 5 not in these counters = 9 995",
        "5 943 pages (23.2 MiB) over java (pid 90)",
        "an oom_score_adj of 472 or more for itself, or of -372 or less for python3 (pid 812)",
        "1 at oom_score_adj -1000",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
}

#[test]
fn counts_rows_and_victims_beyond_limit() {
    let mut report = example::memcg_kill();
    let rows = report.candidates.as_mut().unwrap();
    let row = rows[1].clone();
    rows.splice(1..1, vec![row; 4000]);
    report.victims = vec![report.victims[0].clone(); 3000];
    report.candidates_left_out = Some(1200);
    let page = page_of(&report);
    assert!(page.contains("and 3 962 more with no more points"), "{}", page.len());
    assert!(page.contains("left out: 1 200, for which there was no room"));
    assert!(page.contains("and 2 984 more victims") && page.contains("and 2 936 more victims"));
    assert!(page.len() < 400_000, "{}", page.len());
}

#[test]
fn shows_negative_adjustment_in_sum_and_bar() {
    let mut report = example::memcg_kill();
    let row = &mut report.candidates.as_mut().unwrap()[1];
    (row.adj_pages, row.points, row.difference_pages) = (Some(-4_800), Some(3_590), Some(0));
    let page = page_of(&report);
    assert!(page.contains("8 370 rss + 0 swap + 20 tables − 4 800 adj = 3 590"), "{page}");
    assert_eq!(page.matches("<rect class=\"cut\" x=").count(), 1);
}

#[test]
fn shows_parts_of_account_and_watermarks_of_zones() {
    let page = page_of(&example::movable_kill());
    for words in [
        "680 MiB is free in zone Movable, which this allocation cannot use <span class=\"small\">other_zone</span>",
        "free in zones this allocation cannot use</th>",
        "<td class=\"number\">680.0 MiB</td>",
        "not usable by this allocation",
        "<strong class=\"badge\">exhausted</strong>",
        "2.0 MiB free of 250.0 MiB",
        "min 2.0 MiB",
        "free blocks by order: 200, 20, 4, 0",
        "of all candidates 22.0 MiB, of the victims 2.0 MiB",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(
        !page_of(&example::memcg_kill()).contains("id=\"account\""),
        "nothing is drawn of what was not read"
    );
}

#[test]
fn escapes_names_in_account() {
    let mut report = example::tmpfs_kill();
    let markup = "<img src=x>\u{202e}";
    report.machine.as_mut().unwrap().tmpfs.as_mut().unwrap()[0].mount = markup.into();
    report.account.as_mut().unwrap().holder = Some(example::exempt());
    report.account.as_mut().unwrap().holder.as_mut().unwrap().text = markup.to_owned();
    report.account.as_mut().unwrap().reasons[0].text = markup.to_owned();
    let page = page_of(&report);
    assert!(!page.contains("<img") && !page.contains('\u{202e}'), "{page}");
}
