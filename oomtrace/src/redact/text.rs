//! Command lines as lists of words, and what a shell is given as one text.

use super::{
    HIDDEN,
    keys::{Value, value_of},
    pairs::{left_open, pairs},
    programs::{self, Found},
    shapes,
};

/// How deep texts within texts are looked at (`sh -c "sh -c '…'"`).
pub(super) const DEPTH: u8 = 3;

/// What the word behind the last one is.
#[derive(Clone, Copy)]
enum Awaited {
    /// The value of an option.
    Value(Value),
    /// The value of a program's own option, behind its first such byte.
    Behind(Option<u8>),
}

/// Arguments without their secrets.
pub(super) fn arguments(words: &[&[u8]], depth: u8) -> Vec<Vec<u8>> {
    let named = programs::is_named(words);
    let mut awaited = None;
    let each = words.iter().map(|word| {
        let before: Option<Awaited> = awaited.take();
        if let Some(hidden) = before.and_then(|before| before.hidden(word)) {
            return hidden;
        }
        // `Authorization: Bearer TOKEN`: the scheme is no secret yet.
        awaited = before.filter(|_| is_scheme(word)).or_else(|| option(&named, word));
        one(&named, word, depth)
    });
    each.collect()
}

impl Awaited {
    /// What is shown of the awaited word, if anything of it is secret.
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

/// A hidden word. The quotes around it, and what is behind them, are shown.
fn in_quotes(word: &[u8]) -> Vec<u8> {
    let (Some(quote @ (b'"' | b'\'')), Some(rest)) = (word.first(), word.get(1..)) else {
        return HIDDEN.into();
    };
    match rest.iter().position(|byte| byte == quote) {
        Some(close) => [&[*quote][..], HIDDEN.as_bytes(), rest.get(close..).unwrap_or_default()].concat(),
        None => HIDDEN.into(),
    }
}

/// What a word says of the next one.
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

/// One word by itself.
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

/// A text: its words without their secrets, and what is between them.
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

/// Words with the blanks before them. A blank between quotes ends no word.
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
    // A quote that nobody closes is an apostrophe.
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
