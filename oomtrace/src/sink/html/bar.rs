//! Bars: drawings that print, and that say what they show to whoever cannot see them.

use maud::{Markup, html};

/// A part of a bar.
pub(super) struct Part {
    /// What it is, as the style names it.
    pub(super) kind: &'static str,
    /// How much.
    pub(super) value: u64,
    /// The same in words.
    pub(super) words: String,
}

/// How long parts are, side by side.
pub(super) fn end(parts: &[Part]) -> u64 {
    parts.iter().fold(0, |sum, part| sum.saturating_add(part.value))
}

/// Parts side by side on a scale that ends at `full`; from `cut` on they do not count.
pub(super) fn stacked(parts: &[Part], full: u64, cut: Option<u64>, label: &str) -> Markup {
    let mut begin = 0_u64;
    let placed = parts.iter().map(|part| {
        let at = begin;
        begin = begin.saturating_add(part.value);
        (at, part)
    });
    html! {
        svg.bar role="img" aria-label=(label) width="100%" height="14" {
            rect.track width="100%" height="100%" {}
            @for (at, part) in placed.filter(|(_, part)| part.value > 0) {
                rect class=(part.kind) x=(percent(at, full)) width=(percent(part.value, full)) height="100%" {
                    title { (part.words) }
                }
            }
            @if let Some(cut) = cut {
                rect.cut x=(percent(cut, full)) width=(percent(begin.saturating_sub(cut), full)) height="100%" {}
            }
        }
    }
}

/// How full something is: `None` where it has no limit.
pub(super) fn filled(value: u64, full: Option<u64>, mark: Option<u64>, kind: &str, label: &str) -> Markup {
    html! {
        svg.bar role="img" aria-label=(label) width="100%" height="14" {
            @match full {
                Some(full) => {
                    rect.track width="100%" height="100%" {}
                    rect class=(kind) width=(percent(value, full)) height="100%" {}
                    @if let Some(mark) = mark.filter(|mark| *mark < full) {
                        rect.mark x=(percent(mark, full)) width="2" height="100%" {}
                    }
                },
                None => rect.open width="100%" height="100%" {},
            }
        }
    }
}

/// A share of the whole, at most all of it, with three decimals.
pub(super) fn percent(value: u64, full: u64) -> String {
    let thousandths = match u128::from(full) {
        0 => 0,
        full => (u128::from(value) * 100_000 / full).min(100_000),
    };
    format!("{}.{:03}%", thousandths / 1000, thousandths % 1000)
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn a_share_is_never_more_than_the_whole() {
        let shares =
            [percent(0, 0), percent(1, 3), percent(3, 3), percent(9, 3), percent(u64::MAX, u64::MAX)];
        assert_eq!(shares, ["0.000%", "33.333%", "100.000%", "100.000%", "100.000%"]);
    }
}
