//! `name=value` and `name:value` within one word.

use super::{
    HIDDEN,
    keys::{Value, value_of},
};

/// A pair with a secret value: the offset of the value's first byte, and of the byte after it.
struct Secret {
    from: usize,
    to: usize,
}

/// Hides the values of secret names.
pub(super) fn pairs(word: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut done = 0;
    while let Some(Secret { from, to }) = next(word, done) {
        out.extend(word.get(done..from).unwrap_or_default());
        out.extend(HIDDEN.as_bytes());
        done = to;
    }
    out.extend(word.get(done..).unwrap_or_default());
    out
}

/// The kind of value that the next word has, if a word ends in the middle of a pair: `"password":`.
pub(super) fn left_open(word: &[u8]) -> Option<Value> {
    let before = word.strip_suffix(b":").or_else(|| word.strip_suffix(b"="))?;
    value_of(name_before(before)?)
}

fn next(word: &[u8], done: usize) -> Option<Secret> {
    let marks = word.iter().enumerate().skip(done).filter(|(_, byte)| matches!(byte, b'=' | b':'));
    marks.map(|(mark, _)| mark).find_map(|mark| secret(word, done, mark))
}

fn secret(word: &[u8], done: usize, mark: usize) -> Option<Secret> {
    let before = word.get(done..mark)?;
    let value = value_of(name_before(before)?)?;
    let rest = word.get(mark + 1..)?;
    // `secret://` is the beginning of an address.
    if word.get(mark) == Some(&b':') && rest.starts_with(b"//") {
        return None;
    }
    let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let from = mark + 1 + blanks;
    let rest = rest.get(blanks..)?;
    let is_first =
        done == 0 && name_before(before).is_some_and(|name| name.len() == without_dashes(before).len());
    let (from, to) = match rest.first() {
        Some(quote @ (b'"' | b'\'')) => {
            let inside = rest.get(1..)?;
            let end = inside.iter().position(|byte| byte == quote).unwrap_or(inside.len());
            (from + 1, from + 1 + end)
        }
        _ if is_first => (from, word.len()),
        _ => (from, from + rest.iter().position(ends_value).unwrap_or(rest.len())),
    };
    value.hides(word.get(from..to)?).then_some(Secret { from, to })
}

const fn ends_value(byte: &u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'&' | b';' | b',' | b'"' | b'\'' | b'}')
}

fn without_dashes(text: &[u8]) -> &[u8] {
    let dashes = text.iter().take_while(|byte| **byte == b'-').count();
    text.get(dashes..).unwrap_or_default()
}

/// The name that ends here, without the quote after it.
fn name_before(before: &[u8]) -> Option<&[u8]> {
    let before = before.strip_suffix(b"\"").or_else(|| before.strip_suffix(b"'")).unwrap_or(before);
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    let length = before.iter().rev().take_while(|byte| is_name(byte)).count();
    let name = without_dashes(before.get(before.len() - length..)?);
    (!name.is_empty()).then_some(name)
}
