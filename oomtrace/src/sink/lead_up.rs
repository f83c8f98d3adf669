//! The minutes before, as far as several sinks show them alike.

use crate::{
    lead_up::{LeadUp, Shape},
    report::Report,
    sink::{
        terminal::sanitize::name,
        units::{size, span},
    },
};

/// Memory at a time before the decision: ns, and bytes.
pub(crate) type Moment = (u64, u64);

/// The usage over time, oldest first.
pub(crate) fn usage(lead_up: &LeadUp) -> Vec<Moment> {
    lead_up.samples.iter().filter_map(|sample| Some((sample.before_ns, sample.usage_bytes?))).collect()
}

/// One line: how much grew, since when, and how.
pub(crate) fn headline(report: &Report, lead_up: &LeadUp) -> String {
    let what = match &report.domain.cgroup {
        Some(path) => name(path.as_bytes()),
        None => "memory in use".to_owned(),
    };
    let (Some(growth), Some(since)) = (lead_up.growth_bytes, lead_up.since_ns) else {
        return match lead_up.shape {
            Shape::Plateau => format!("{what} did not grow: it had been at its limit before"),
            Shape::Steady | Shape::Sudden | Shape::Steps | Shape::Unknown => {
                format!("no growth of {what} is known")
            }
        };
    };
    let rate = lead_up.bytes_per_second.map(|rate| format!(", {}/s", size(rate))).unwrap_or_default();
    format!("{what} grew by {} in {}{rate}: {}", size(growth), span(since), words(lead_up.shape))
}

/// What a shape means.
const fn words(shape: Shape) -> &'static str {
    match shape {
        Shape::Steady => "steady (a straight line, as a leak)",
        Shape::Sudden => "sudden (most of it in one burst)",
        Shape::Steps => "steps (processes that started one after the other)",
        Shape::Plateau => "plateau (flat at the limit)",
        Shape::Unknown => "unknown (no simple shape, or too few samples)",
    }
}

/// Whether the victim caused it.
pub(crate) const fn victim(lead_up: &LeadUp) -> Option<&'static str> {
    match lead_up.victim_grew {
        Some(true) => Some("had grown"),
        Some(false) => Some("had not grown: another process did"),
        None => None,
    }
}

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A curve in one line of text, from zero to its greatest value. Each column shows the last sample up to its time.
pub(crate) fn sparkline(moments: &[Moment], columns: u64) -> String {
    let oldest = moments.iter().map(|(before, _)| *before).max().unwrap_or(0);
    let most = moments.iter().map(|(_, bytes)| *bytes).max().unwrap_or(0);
    let column = |number: u64| {
        let before = u128::from(oldest) * u128::from(columns - number) / u128::from(columns.max(1));
        let known = moments.iter().take_while(|(at, _)| u128::from(*at) >= before).last();
        let value = known.or_else(|| moments.first()).map_or(0, |(_, bytes)| u128::from(*bytes));
        let step = (value * 7 + u128::from(most / 2)).checked_div(u128::from(most)).unwrap_or(0);
        BLOCKS.get(usize::try_from(step).unwrap_or(0)).copied().unwrap_or('█')
    };
    if moments.len() < 2 { String::new() } else { (1..=columns).map(column).collect() }
}

#[cfg(test)]
mod tests {
    use super::sparkline;

    #[test]
    fn sparkline_has_a_column_for_each_part_of_the_time() {
        assert_eq!(sparkline(&[(80, 0), (60, 10), (40, 20), (20, 30), (0, 40)], 4), "▃▅▆█");
        assert_eq!(sparkline(&[(80, 40), (10, 40), (0, 40)], 8), "████████");
        assert_eq!(sparkline(&[(80, 0), (0, u64::MAX)], 4), "▁▁▁█");
        assert_eq!((sparkline(&[(8, 8)], 4), sparkline(&[], 4)), (String::new(), String::new()));
        assert_eq!(sparkline(&[(8, 0), (0, 0)], 4), "▁▁▁▁");
    }
}
