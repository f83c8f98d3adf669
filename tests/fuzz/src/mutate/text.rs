//! Broken JSON, and valid JSON with absurd values.

use super::{odd_number, place};

/// Replacements for values.
const VALUES: [&str; 14] = [
    "null",
    "-1",
    "1e400",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "true",
    "\"\"",
    "\"\\ud800\"",
    "\"\\u0000<script>\"",
    "[]",
    "{}",
    "[[[[[[[[]]]]]]]]",
    "{\"bytes\":\"////\"}",
];

/// Changes something in the text.
pub(super) fn changed(mut text: Vec<u8>, random: &mut fastrand::Rng) -> Vec<u8> {
    match random.u8(..4) {
        0 => nested(random),
        1 => {
            let at = place(text.len().saturating_sub(1), random);
            if let Some(byte) = text.get_mut(at) {
                *byte = random.u8(..);
            }
            text
        }
        _ => value(text, random),
    }
}

/// JSON nested deeper than any parser should follow.
fn nested(random: &mut fastrand::Rng) -> Vec<u8> {
    let depth = random.usize(1..5000);
    if random.bool() { vec![b'['; depth] } else { b"{\"a\":".repeat(depth) }
}

/// Replaces the value after one of the colons.
fn value(text: Vec<u8>, random: &mut fastrand::Rng) -> Vec<u8> {
    let colons: Vec<usize> =
        text.iter().enumerate().filter(|(_, byte)| **byte == b':').map(|(index, _)| index + 1).collect();
    let Some(begin) = colons.get(random.usize(..colons.len().max(1))).copied() else { return text };
    let rest = text.get(begin..).unwrap_or_default();
    let length = rest.iter().position(|byte| matches!(byte, b',' | b'}' | b']')).unwrap_or(rest.len());
    let new = match random.u8(..3) {
        0 => odd_number(random).to_string().into_bytes(),
        _ => VALUES.get(random.usize(..VALUES.len())).copied().unwrap_or("0").as_bytes().to_vec(),
    };
    let (before, after) = (text.get(..begin).unwrap_or_default(), rest.get(length..).unwrap_or_default());
    [before, &new, after].concat()
}
