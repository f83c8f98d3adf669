//! The complete report as JSON.

use maud::{Markup, html};

use crate::{report::Report, sink::terminal::sanitize::is_deceptive};

pub(super) fn facts(report: &Report) -> Markup {
    // Serialization cannot fail: all keys are strings, and all values are plain.
    let json = serde_json::to_string_pretty(report).unwrap_or_default();
    html! {
        details.facts #facts {
            summary { "All facts, as JSON" }
            pre { code #json { (harmless(&json)) } }
        }
    }
}

/// Escapes invisible characters and characters that change the text direction. The escaped JSON has the same meaning.
fn harmless(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character == '\n' || !is_deceptive(character) {
            text.push(character);
        } else {
            let mut units = [0; 2];
            text.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn keeps_meaning_of_escaped_json() {
        let odd = "a\u{202e}b\u{7f}\u{e0001}\"\\ größe\n";
        let json = serde_json::to_string(odd).unwrap();
        let text = harmless(&json);
        assert!(
            text.is_char_boundary(0) && !text.contains('\u{202e}') && !text.contains('\u{e0001}'),
            "{text}"
        );
        assert!(text.contains("\\udb40\\udc01"), "{text}");
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), odd);
    }
}
