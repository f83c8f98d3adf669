//! Hides secrets in command lines as lists of words, and in the text of a shell command.

use super::{
    HIDDEN,
    keys::{Value, value_of},
    pairs::{left_open, pairs},
    programs::{self, Found},
    shapes,
};

/// The maximum depth of nested texts (`sh -c "sh -c '…'"`).
pub(super) const DEPTH: u8 = 3;

/// The meaning of the next word.
#[derive(Clone, Copy)]
enum Awaited {
    /// The value of an option.
    Value(Value),
    /// The value of a program's own option, after this byte if there is one.
    Behind(Option<u8>),
}

/// Returns the arguments without their secrets.
pub(super) fn arguments(words: &[&[u8]], depth: u8) -> Vec<Vec<u8>> {
    let named = programs::is_named(words);
    let mut awaited = None;
    let each = words.iter().map(|word| {
        let before: Option<Awaited> = awaited.take();
        if let Some(hidden) = before.and_then(|before| before.hidden(word)) {
            return hidden;
        }
        // `Authorization: Bearer TOKEN`: the scheme is not yet the secret.
        awaited = before.filter(|_| is_scheme(word)).or_else(|| option(&named, word));
        one(&named, word, depth)
    });
    each.collect()
}

impl Awaited {
    /// The visible form of the awaited word, if a part of it is secret.
    fn hidden(self, word: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Value(value) => {
                let is_one = !word.starts_with(b"-") && !is_scheme(word) && value.hides(unquoted(word));
                is_one.then(|| in_quotes(word))
            }
            Self::Behind(None) => (!word.starts_with(b"-") && !word.is_empty()).then(|| HIDDEN.into()),
            Self::Behind(Some(mark)) => {
                let from = word.iter().position(|byte| *byte == mark)? + 1;
                (from < word.len())
                    .then(|| [word.get(..from).unwrap_or_default(), HIDDEN.as_bytes()].concat())
            }
        }
    }
}

/// A hidden word. The quotes around it and the rest after them stay visible.
fn in_quotes(word: &[u8]) -> Vec<u8> {
    let (Some(quote @ (b'"' | b'\'')), Some(rest)) = (word.first(), word.get(1..)) else {
        return HIDDEN.into();
    };
    match rest.iter().position(|byte| byte == quote) {
        Some(close) => [&[*quote][..], HIDDEN.as_bytes(), rest.get(close..).unwrap_or_default()].concat(),
        None => HIDDEN.into(),
    }
}

/// The meaning that a word gives to the next one.
fn option(named: &[&[u8]], word: &[u8]) -> Option<Awaited> {
    match programs::secret(named, word) {
        Some(Found::Next(behind)) => return Some(Awaited::Behind(behind)),
        Some(Found::Here(_)) => return None,
        None => {}
    }
    if is_scheme(word) {
        return Some(Awaited::Value(Value::SecretIfLong));
    }
    let is_option =
        word.starts_with(b"-") && !word.contains(&b'=') && !word.iter().any(u8::is_ascii_whitespace);
    let value = if is_option { value_of(word) } else { left_open(word) };
    value.map(Awaited::Value)
}

/// Schemes of the HTTP header `Authorization`.
fn is_scheme(word: &[u8]) -> bool {
    let schemes: [&[u8]; 4] = [b"bearer", b"basic", b"token", b"digest"];
    schemes.iter().any(|scheme| word.eq_ignore_ascii_case(scheme))
}

/// Hides the secrets within one word.
fn one(named: &[&[u8]], word: &[u8], depth: u8) -> Vec<u8> {
    if let Some(Found::Here(from)) = programs::secret(named, word) {
        return [word.get(..from).unwrap_or_default(), HIDDEN.as_bytes()].concat();
    }
    let hidden = pairs(word);
    if depth > 0 && hidden.iter().any(u8::is_ascii_whitespace) && !is_key(&hidden) {
        return text(&hidden, depth - 1);
    }
    shapes::tokens(&shapes::address(&hidden))
}

fn is_key(word: &[u8]) -> bool {
    word.starts_with(b"-----BEGIN")
}

/// Hides the secrets in the words of a text and keeps the blanks.
fn text(text: &[u8], depth: u8) -> Vec<u8> {
    let pieces = pieces(text);
    let words: Vec<&[u8]> = pieces.iter().map(|(_, word)| unquoted(word)).collect();
    let shown = arguments(&words, depth);
    let mut out = Vec::new();
    for ((blanks, word), shown) in pieces.iter().zip(shown) {
        out.extend(*blanks);
        let quote = word.get(..1).filter(|_| unquoted(word).len() < word.len()).unwrap_or_default();
        out.extend([quote, &shown, quote].concat());
    }
    out
}

/// Words with the blanks before them. A blank between quotes does not end a word.
fn pieces(text: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let (before, behind) = rest.split_at(blanks);
        let (word, behind) = behind.split_at(word_length(behind));
        pieces.push((before, word));
        rest = behind;
    }
    pieces
}

fn word_length(text: &[u8]) -> usize {
    let mut open = None;
    for (at, byte) in text.iter().enumerate() {
        match (open, byte) {
            (Some(quote), byte) if *byte == quote => open = None,
            (None, b'"' | b'\'') => open = Some(*byte),
            (None, byte) if byte.is_ascii_whitespace() => return at,
            _ => {}
        }
    }
    // A quote that is not closed is an apostrophe.
    match open {
        Some(_) => text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len()),
        None => text.len(),
    }
}

/// A word without the quotes around it.
fn unquoted(word: &[u8]) -> &[u8] {
    match word {
        [open @ (b'"' | b'\''), inside @ .., close] if open == close => inside,
        _ => word,
    }
}
