//! Values as text. An unknown value is a dash, and text that users or processes chose cannot disturb the page.

use maud::{Markup, html};

use crate::{
    bytes::ByteString,
    sink::terminal::{sanitize, units},
};

/// The sign for an unknown value.
pub(super) const ABSENT: &str = "–";

/// Returns a value, or the sign for an unknown one.
pub(super) fn known<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| ABSENT.to_owned(), |value| value.to_string())
}

/// Returns bytes that a user or a process chose, isolated from the text direction around them.
pub(super) fn chosen(bytes: Option<&ByteString>) -> Markup {
    let text = bytes.map(|bytes| match sanitize::text(bytes.as_bytes()) {
        empty if empty.is_empty() => "\"\"".to_owned(),
        text => text,
    });
    html! {
        @match text {
            Some(text) => bdi.name { (text) },
            None => (ABSENT),
        }
    }
}

/// Returns a size, or the sign for an unknown one.
pub(super) fn size(bytes: Option<u64>) -> String {
    known(bytes.map(units::size))
}

/// Returns a count, or the sign for an unknown one.
pub(super) fn count(number: Option<impl Into<i128>>) -> String {
    known(number.map(units::count))
}

/// Returns a usage and its limit in words.
pub(super) fn of(usage_bytes: Option<u64>, limit_bytes: Option<u64>) -> String {
    match (usage_bytes, limit_bytes) {
        (None, None) => ABSENT.to_owned(),
        (Some(usage), None) => format!("{}, no limit", units::size(usage)),
        (usage, Some(limit)) => format!("{} of {}", size(usage), units::size(limit)),
    }
}

/// Returns a limit in words. Limit and usage are read together: if the usage is known, a missing limit was not set.
pub(super) fn limit(limit: Option<u64>, usage: Option<u64>) -> String {
    match (limit, usage) {
        (Some(limit), _) => units::size(limit),
        (None, Some(_)) => "no limit".to_owned(),
        (None, None) => ABSENT.to_owned(),
    }
}

/// Returns a number of items, with its digits grouped.
pub(super) fn number(items: usize) -> String {
    u64::try_from(items).map_or_else(|_| ABSENT.to_owned(), units::count)
}
