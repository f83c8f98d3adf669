//! Bars drawn as SVG. They print, and each has a text label for screen readers.

use maud::{Markup, html};

/// One colored part of a bar.
pub(super) struct Part {
    /// The kind of memory, which is also its CSS class.
    pub(super) kind: &'static str,
    /// The size, in the unit of the bar.
    pub(super) value: u64,
    /// The kind and the size in words, for the tooltip.
    pub(super) words: String,
}

/// Returns the total length of the parts side by side.
pub(super) fn end(parts: &[Part]) -> u64 {
    parts.iter().fold(0, |sum, part| sum.saturating_add(part.value))
}

/// Draws parts side by side on a scale that ends at `full`. The stretch after `cut` does not count.
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

/// Draws how full something is. `full` is `None` if there is no limit.
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

/// Returns a share of the whole as a percentage with three decimals, at most 100.
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
    fn caps_share_at_whole() {
        let shares =
            [percent(0, 0), percent(1, 3), percent(3, 3), percent(9, 3), percent(u64::MAX, u64::MAX)];
        assert_eq!(shares, ["0.000%", "33.333%", "100.000%", "100.000%", "100.000%"]);
    }
}
