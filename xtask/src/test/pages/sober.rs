//! Checks for every page: it loads and runs nothing, is readable in light and in dark, and names its parts.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{SCHEMES, WIDTH};
use crate::host::browser::{Browser, Page};

/// Attributes that would load or run something.
const ACTIVE: &str = "[...document.querySelectorAll('*')].flatMap(found => [...found.attributes].map(a => a.name)) \
                      .filter(name => name.startsWith('on') || ['src', 'href', 'srcset', 'action', 'data'].includes(name))";

/// Drawings and tables without a text for readers who cannot see them.
const NAMELESS: &str = "[...document.querySelectorAll('svg[role=img]:not([aria-label]), section:not([aria-labelledby]), \
                        table:not(:has(th[scope]))')].map(found => found.outerHTML)";

/// Colors of shown text and of its background, wherever the text has its own color.
const COLOURS: &str = "[...document.querySelectorAll('h1, h2, .byline, .small, .code, .value, .badge, th, td, dt, dd')].map(found => { \
                       let behind = found; \
                       while (behind && getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement; \
                       return [getComputedStyle(found).color, getComputedStyle(behind ?? document.documentElement).backgroundColor, found.className] })";

/// The minimum contrast of text (WCAG 2, level AA).
const CONTRAST: f64 = 4.5;

pub(super) fn judge(page: &mut Page<'_>, file: &Path) -> Result<()> {
    let own = format!("file://{}", file.display());
    let requests = page.requests();
    ensure!(requests == [own.as_str()], "the page requested {requests:?}");
    let complaints = page.complaints();
    ensure!(complaints.is_empty(), "the browser reports errors: {complaints:?}");
    for (what, expression) in
        [("scripts", "[...document.scripts].map(found => found.outerHTML)"), ("active attributes", ACTIVE)]
    {
        let found = page.evaluate(expression)?;
        ensure!(found.as_array().is_some_and(Vec::is_empty), "{what} in the page: {found}");
    }
    let nameless = page.evaluate(NAMELESS)?;
    ensure!(nameless.as_array().is_some_and(Vec::is_empty), "parts without a name: {nameless}");
    let wide =
        page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")?;
    ensure!(wide == false, "the page is wider than its window");
    contrast(&page.evaluate(COLOURS)?)
}

fn contrast(colours: &Value) -> Result<()> {
    let colours = colours.as_array().filter(|list| !list.is_empty()).context("no text")?;
    for colour in colours {
        let part = |index: usize| colour.get(index).and_then(Value::as_str).and_then(luminance);
        let (text, behind) = part(0).zip(part(1)).with_context(|| format!("a color is {colour}"))?;
        let ratio = (text.max(behind) + 0.05) / (text.min(behind) + 0.05);
        ensure!(ratio >= CONTRAST, "contrast {ratio:.2} is too little: {colour}");
    }
    Ok(())
}

/// Relative luminance of `rgb(r, g, b)`. <https://www.w3.org/TR/WCAG22/#dfn-relative-luminance>
fn luminance(colour: &str) -> Option<f64> {
    let inside = colour.strip_prefix("rgb(")?.strip_suffix(')')?;
    let mut channels = inside.split(", ").map(|channel| {
        let channel = channel.parse::<f64>().ok()? / 255.0;
        Some(if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) })
    });
    let mut next = || channels.next().flatten();
    Some(0.2126 * next()? + 0.7152 * next()? + 0.0722 * next()?)
}

/// Checks that a reader who prefers dark gets another page with the same text.
pub(super) fn schemes_differ(browser: &mut Browser, file: &Path) -> Result<()> {
    let mut seen = Vec::new();
    for scheme in SCHEMES {
        let mut page = browser.open(file, scheme, WIDTH)?;
        let background = page.evaluate("getComputedStyle(document.body).backgroundColor")?;
        seen.push((page.text_of("body")?, luminance(background.as_str().unwrap_or_default())));
    }
    let [(light_text, Some(light)), (dark_text, Some(dark))] = seen.as_slice() else {
        anyhow::bail!("a background has no plain color");
    };
    ensure!(light_text == dark_text, "light and dark have different text");
    ensure!(*light > 0.5 && *dark < 0.05, "backgrounds of luminance {light:.2} and {dark:.2}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::luminance;

    #[test]
    fn black_and_white_have_the_extreme_luminances() {
        assert_eq!(luminance("rgb(0, 0, 0)"), Some(0.0));
        assert!(luminance("rgb(255, 255, 255)").unwrap() > 0.999);
        assert_eq!(luminance("rgba(0, 0, 0, 0)"), None);
    }
}
