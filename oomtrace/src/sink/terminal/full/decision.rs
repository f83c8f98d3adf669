//! Why memory ran out, the size of the allocation, and how the victim was chosen.

use super::{
    super::{
        sanitize::sentence,
        units::{ABSENT, count, or_absent, pages},
    },
    sheet::Sheet,
};
use crate::{
    report::{Report, Score, Victim},
    sink::{call_trace, words},
};

pub(super) fn why(sheet: &mut Sheet, report: &Report) {
    let cause = &report.cause;
    sheet.section("why", &format!("{} ({})", cause.code.name(), cause.confidence.name()));
    for evidence in &cause.evidence {
        sheet.more(&format!("- {}", sentence(evidence)));
    }
}

pub(super) fn allocation(sheet: &mut Sheet, report: &Report) {
    let allocation = &report.allocation;
    let flags = allocation.gfp_flags.as_ref().map(|flags| match flags.as_slice() {
        [] => "no flags".to_owned(),
        flags => sentence(&flags.join("|")),
    });
    let order = order(allocation.order, report.page_bytes());
    let mask = or_absent(allocation.gfp_mask.as_deref().map(sentence));
    let constraint = or_absent(allocation.constraint);
    sheet.section(
        "allocation",
        &format!("{order}, {}, mask {mask}, constraint {constraint}", or_absent(flags)),
    );
    if let Some(purpose) = call_trace::purpose(allocation) {
        sheet.named("for", &purpose);
    }
    calls(sheet, "stack", &call_trace::kernel(allocation));
    calls(sheet, "user", &call_trace::user(allocation));
}

fn calls(sheet: &mut Sheet, key: &str, calls: &[String]) {
    for (index, call) in calls.iter().enumerate() {
        sheet.named(if index == 0 { key } else { "" }, call);
    }
}

fn order(order: Option<i32>, page_bytes: Option<u64>) -> String {
    match order {
        None => format!("order {ABSENT}"),
        Some(-1) => "order -1 (SysRq: no memory was requested)".to_owned(),
        Some(order) => {
            let asked = u32::try_from(order).ok().and_then(|order| 1_u64.checked_shl(order));
            format!("order {order} = {}", or_absent(asked.map(|asked| pages(asked, page_bytes))))
        }
    }
}

pub(super) fn selection(sheet: &mut Sheet, report: &Report) {
    let selection = &report.selection;
    sheet.section("selection", selection.policy.map_or(ABSENT, words::policy));
    let outcome = selection.outcome.map_or(ABSENT, words::outcome);
    let looked_at = or_absent(report.candidates_total.map(count));
    sheet.named(
        "outcome",
        &format!("{outcome}; victims {}, tasks examined {looked_at}", report.victims.len()),
    );
    let scored =
        report.victims.iter().find_map(|victim| Some(points(victim, victim.score?, report.page_bytes())));
    sheet.named("points", &or_absent(scored));
}

/// The arithmetic of `oom_badness`: resident, swapped and page-table pages, plus a thousandth of the domain, rounded down, for
/// each unit of `oom_score_adj`. <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L200>
fn points(victim: &Victim, score: Score, page_bytes: Option<u64>) -> String {
    let Score { points, base_pages, adj_pages, total_pages } = score;
    let base = base_pages
        .map(|base| u64::try_from(base).map_or_else(|_| count(base), |base| pages(base, page_bytes)));
    let sign = if adj_pages.is_some_and(i64::is_negative) { '-' } else { '+' };
    let added = or_absent(adj_pages.map(|pages| count(pages.unsigned_abs())));
    let adj = or_absent(victim.process.oom_score_adj);
    let of = match total_pages {
        Some(total) if adj_pages != Some(0) => {
            format!(" x {}, a thousandth of {} pages", count(total / 1000), count(total))
        }
        _ => String::new(),
    };
    let parts = format!("{} {sign} {added} (oom_score_adj {adj}{of})", or_absent(base));
    let sum = base_pages.zip(adj_pages).and_then(|(base, adj)| base.checked_add(adj));
    if points.is_some() && (sum == points || sum.is_none()) {
        return format!("{} = {parts}", or_absent(points.map(count)));
    }
    // There are no points: no task was evaluated, or the task was marked to be killed first.
    format!("{}; by its counters {} = {parts}", or_absent(points.map(count)), or_absent(sum.map(count)))
}

#[cfg(test)]
mod tests {
    use super::{super::super::example, order, points};
    use crate::report::Score;

    #[test]
    fn shows_the_known_parts_of_the_arithmetic() {
        let mut report = example::memcg_kill();
        let victim = &mut report.victims[0];
        victim.process.oom_score_adj = Some(-500);
        let score = |points, base_pages, adj_pages| Score {
            points,
            base_pages,
            adj_pages,
            total_pages: Some(16_384),
        };
        let text = |score| points(victim, score, None);
        let adj = "(oom_score_adj -500 x 16, a thousandth of 16 384 pages)";
        assert_eq!(
            text(score(Some(7_938), Some(15_938), Some(-8_000))),
            format!("7 938 = 15 938 pages - 8 000 {adj}")
        );
        assert_eq!(
            text(score(Some(9), Some(8), Some(0))),
            "9; by its counters 8 = 8 pages + 0 (oom_score_adj -500)"
        );
        assert_eq!(text(score(Some(9), None, None)), format!("9 = - + - {adj}"));
        assert_eq!(
            text(score(None, Some(8), Some(0))),
            "-; by its counters 8 = 8 pages + 0 (oom_score_adj -500)"
        );
        assert_eq!(text(score(None, None, None)), format!("-; by its counters - = - + - {adj}"));
    }

    #[test]
    fn shows_orders_of_any_size() {
        assert_eq!(order(Some(3), Some(4096)), "order 3 = 8 pages (32.0 KiB)");
        assert_eq!(order(Some(0), None), "order 0 = 1 page");
        assert_eq!(order(Some(200), Some(4096)), "order 200 = -");
        assert_eq!(order(Some(-7), Some(4096)), "order -7 = -");
        assert_eq!(order(None, None), "order -");
    }
}
