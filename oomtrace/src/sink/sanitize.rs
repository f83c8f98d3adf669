//! Converts bytes that any user may have chosen to text that cannot disturb a terminal or imitate other output.
//!
//! A byte or character without a safe glyph becomes a visible escape: `\x1b` for a byte, `\u{202e}` for a character. An
//! existing backslash is doubled, so text that looks like an escape is one.

use unicode_width::UnicodeWidthChar as _;

/// The maximum number of marks on one character, which is as many as any living language needs.
const MARKS: usize = 3;

/// Marks the place where text was cut.
const CUT: char = '…';

/// Whether a backslash belongs to the text or to an existing escape.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Backslash {
    Doubled,
    Kept,
}

/// Bytes as text, without a limit.
pub(crate) fn text(bytes: &[u8]) -> String {
    pieces(bytes, Backslash::Doubled).concat()
}

/// Bytes as text with at most this many columns. Cut text ends in `…`.
pub(crate) fn cut(bytes: &[u8], columns: usize) -> String {
    let pieces = pieces(bytes, Backslash::Doubled);
    let mut kept = pieces.concat();
    if columns_of(&kept) > columns {
        kept = fitting(pieces.iter(), columns.saturating_sub(1)).map(String::as_str).collect();
        kept.push(CUT);
    }
    kept
}

/// A path with at most this many columns. The end is kept, because it is more specific than the beginning.
pub(crate) fn cut_front(bytes: &[u8], columns: usize) -> String {
    let pieces = pieces(bytes, Backslash::Doubled);
    let whole = pieces.concat();
    if columns_of(&whole) <= columns {
        return whole;
    }
    let kept: Vec<&String> = fitting(pieces.iter().rev(), columns.saturating_sub(1)).collect();
    let mut text = String::from(CUT);
    text.extend(kept.into_iter().rev().map(String::as_str));
    text
}

/// A name, in quotes if it could be taken for more than a name.
pub(crate) fn name(bytes: &[u8]) -> String {
    quoted(&text(bytes))
}

/// Safe text as one word.
pub(crate) fn quoted(text: &str) -> String {
    let is_ambiguous = |character: char| character.is_whitespace() || "()\"',".contains(character);
    if text.is_empty() || text.contains(is_ambiguous) {
        format!("\"{}\"", text.replace('"', "\\\""))
    } else {
        text.to_owned()
    }
}

/// A sentence of oomtrace that may contain names, made safe. Its backslashes are not doubled.
pub(crate) fn sentence(text: &str) -> String {
    pieces(text.as_bytes(), Backslash::Kept).concat()
}

/// The number of columns of safe text.
pub(crate) fn columns_of(text: &str) -> usize {
    text.chars().filter_map(unicode_width::UnicodeWidthChar::width).sum()
}

/// The first pieces that fit.
fn fitting<'a>(pieces: impl Iterator<Item = &'a String>, columns: usize) -> impl Iterator<Item = &'a String> {
    let mut free = columns;
    pieces.take_while(move |piece| match free.checked_sub(columns_of(piece)) {
        Some(left) => {
            free = left;
            true
        }
        None => false,
    })
}

/// Splits safe text into parts that must not be cut: an escape, or a character with its marks.
fn pieces(bytes: &[u8], backslash: Backslash) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut marks = 0;
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            let is_mark = character.width() == Some(0);
            marks = if is_mark { marks + 1 } else { 0 };
            match (character, pieces.last_mut()) {
                ('\\', _) if backslash == Backslash::Doubled => pieces.push("\\\\".to_owned()),
                _ if is_deceptive(character) || marks > MARKS => pieces.push(escape(character)),
                (mark, Some(before)) if is_mark => before.push(mark),
                (character, _) => pieces.push(character.to_string()),
            }
        }
        pieces.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    pieces
}

/// Whether a character has no glyph of its own, moves other characters, or ends a line.
pub(crate) fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || matches!(character, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{205f}' | '\u{3000}')
        || character.width().is_none()
}

fn escape(character: char) -> String {
    match u32::from(character) {
        code @ ..=0x7f => format!("\\x{code:02x}"),
        code => format!("\\u{{{code:x}}}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{columns_of, cut, cut_front, name, sentence, text};

    #[test]
    fn shows_characters_that_move_the_cursor_or_reverse_text() {
        assert_eq!(text(b"plain-name_0 'q' \"d\""), "plain-name_0 'q' \"d\"");
        assert_eq!(text(b"\x1b[2J\x07\r\n\t\0\x7f"), "\\x1b[2J\\x07\\x0d\\x0a\\x09\\x00\\x7f");
        assert_eq!(text("\u{9b}31m\u{85}".as_bytes()), "\\u{9b}31m\\u{85}");
        assert_eq!(
            text("a\u{202e}b\u{2066}\u{200f}\u{61c}".as_bytes()),
            "a\\u{202e}b\\u{2066}\\u{200f}\\u{61c}"
        );
        assert_eq!(
            text("\u{200b}\u{feff}\u{2028}\u{2029}".as_bytes()),
            "\\u{200b}\\u{feff}\\u{2028}\\u{2029}"
        );
        assert_eq!(text("größe 日本 e\u{301}".as_bytes()), "größe 日本 e\u{301}");
        assert_eq!(text(b"\xff\xc3(\xe2\x82"), "\\xff\\xc3(\\xe2\\x82");
        assert_eq!(text(b"\x9b31m"), "\\x9b31m");
    }

    #[test]
    fn distinguishes_an_escape_from_text_that_looks_like_one() {
        assert_eq!(text(b"\\x1b"), "\\\\x1b");
        assert_eq!(sentence("\\x1b \u{1b}"), "\\x1b \\x1b");
        assert_eq!(name(b"python3"), "python3");
        assert_eq!(name(b"x (1) \"y"), "\"x (1) \\\"y\"");
        assert_eq!(name(b""), "\"\"");
    }

    #[test]
    fn limits_marks_and_length() {
        let flood = format!("a{}", "\u{301}".repeat(5));
        assert_eq!(text(flood.as_bytes()), "a\u{301}\u{301}\u{301}\\u{301}\\u{301}");
        assert_eq!(cut(b"abcdef", 6), "abcdef");
        assert_eq!(cut(b"abcdefg", 6), "abcde…");
        assert_eq!(cut("日本語".as_bytes(), 4), "日…");
        assert_eq!(cut(b"abc\x1b", 6), "abc…");
        assert_eq!(cut(b"abc\x1b", 7), "abc\\x1b");
        assert_eq!(cut(b"ab", 0), "…");
        assert_eq!(cut_front(b"/kubepods/pod7", 6), "…/pod7");
        assert_eq!(cut_front(b"/pod7", 6), "/pod7");
        assert_eq!(cut_front(b"a\x1bb", 4), "…b");
        assert_eq!(cut_front("aaae\u{301}".as_bytes(), 2), "…e\u{301}");
        assert_eq!(columns_of("日a"), 3);
    }
}
