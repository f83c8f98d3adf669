//! The frame that all pages share: head, style and footer.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The complete style sheet, so that the page needs no other file.
const STYLE: &str = include_str!("style.css");

/// The content security policy. It keeps the page from loading, sending or running anything.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Returns a complete page.
pub(super) fn frame(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "oomtrace " (env!("CARGO_PKG_VERSION")) };
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main { (body) }
                footer {
                    "Written by oomtrace " (env!("CARGO_PKG_VERSION"))
                    ". Sizes are binary: 1 MiB is 1 048 576 bytes. “–” is a value that is not known."
                }
            }
        }
    };
    page.into_string()
}
