//! Values as text: what is not known is a dash, and what others chose cannot disturb the page.

use maud::{Markup, html};

use crate::{
    bytes::ByteString,
    sink::terminal::{sanitize, units},
};

/// What stands for a value that is not known.
pub(super) const ABSENT: &str = "–";

/// A value, or the sign that it is absent.
pub(super) fn known<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| ABSENT.to_owned(), |value| value.to_string())
}

/// Bytes that others chose, in a direction of their own.
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

/// A size, or the sign that it is absent.
pub(super) fn size(bytes: Option<u64>) -> String {
    known(bytes.map(units::size))
}

/// A count, or the sign that it is absent.
pub(super) fn count(number: Option<impl Into<i128>>) -> String {
    known(number.map(units::count))
}

/// How much of how much.
pub(super) fn of(usage_bytes: Option<u64>, limit_bytes: Option<u64>) -> String {
    match (usage_bytes, limit_bytes) {
        (None, None) => ABSENT.to_owned(),
        (Some(usage), None) => format!("{}, no limit", units::size(usage)),
        (usage, Some(limit)) => format!("{} of {}", size(usage), units::size(limit)),
    }
}

/// A limit. It is read together with the usage: where that is known, no limit means none was set.
pub(super) fn limit(limit: Option<u64>, usage: Option<u64>) -> String {
    match (limit, usage) {
        (Some(limit), _) => units::size(limit),
        (None, Some(_)) => "no limit".to_owned(),
        (None, None) => ABSENT.to_owned(),
    }
}

/// How many, of a list.
pub(super) fn number(items: usize) -> String {
    u64::try_from(items).map_or_else(|_| ABSENT.to_owned(), units::count)
}
