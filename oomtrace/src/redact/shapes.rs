//! Recognizes secrets by their form: tokens of well-known services, and passwords in addresses.

use super::HIDDEN;

/// The prefix of a token, the minimum number of characters after it, and their kind.
struct Shape(&'static [u8], usize, fn(u8) -> bool);

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

const fn is_with_dots(byte: u8) -> bool {
    is_base64url(byte) || byte == b'.'
}

const fn is_upper(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

/// Tokens with a prefix, as the services document them.
const SHAPES: [Shape; 27] = [
    // The beginning of a JSON object in base 64.
    Shape(b"eyJ", 20, is_with_dots),
    Shape(b"AKIA", 16, is_upper),
    Shape(b"ASIA", 16, is_upper),
    Shape(b"ghp_", 20, is_base64url),
    Shape(b"gho_", 20, is_base64url),
    Shape(b"ghu_", 20, is_base64url),
    Shape(b"ghs_", 20, is_base64url),
    Shape(b"ghr_", 20, is_base64url),
    Shape(b"github_pat_", 20, is_base64url),
    Shape(b"glpat-", 16, is_base64url),
    Shape(b"xoxb-", 10, is_base64url),
    Shape(b"xoxp-", 10, is_base64url),
    Shape(b"xoxa-", 10, is_base64url),
    Shape(b"xapp-", 10, is_base64url),
    Shape(b"sk-", 20, is_base64url),
    Shape(b"sk_live_", 10, is_base64url),
    Shape(b"sk_test_", 10, is_base64url),
    Shape(b"rk_live_", 10, is_base64url),
    Shape(b"AIza", 30, is_base64url),
    Shape(b"ya29.", 20, is_base64url),
    Shape(b"npm_", 30, is_base64url),
    Shape(b"pypi-", 30, is_base64url),
    Shape(b"hvs.", 20, is_base64url),
    Shape(b"dop_v1_", 30, is_base64url),
    Shape(b"SG.", 30, is_with_dots),
    Shape(b"-----BEGIN", 0, |_| true),
    Shape(b"AGE-SECRET-KEY-", 20, is_upper),
];

/// Hides each token that begins a run of letters and digits.
pub(super) fn tokens(word: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(byte) = word.get(at) {
        let begins = at == 0 || word.get(at - 1).is_some_and(|before| !before.is_ascii_alphanumeric());
        match word.get(at..).filter(|_| begins).and_then(token) {
            Some(length) => {
                out.extend(HIDDEN.as_bytes());
                at += length;
            }
            None => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    out
}

/// The length of the token at the beginning, in bytes.
fn token(rest: &[u8]) -> Option<usize> {
    SHAPES.iter().find_map(|Shape(begin, least, is_part)| {
        let more = rest.strip_prefix(*begin)?;
        let length = more.iter().take_while(|byte| is_part(**byte)).count();
        (length >= *least).then_some(begin.len() + length)
    })
}

/// Hides the password in `scheme://user:password@host` and, at the beginning of a word, in `user:password@host`.
pub(super) fn address(word: &[u8]) -> Vec<u8> {
    let found = match word.windows(3).position(|window| window == b"://") {
        Some(scheme) => in_authority(word, scheme + 3),
        None => without_scheme(word),
    };
    let Some((from, to)) = found else { return word.to_vec() };
    let (before, after) = (word.get(..from).unwrap_or_default(), word.get(to..).unwrap_or_default());
    // Another address may follow.
    [before, HIDDEN.as_bytes(), &address_behind(after)].concat()
}

fn address_behind(rest: &[u8]) -> Vec<u8> {
    if rest.windows(3).any(|window| window == b"://") { address(rest) } else { rest.to_vec() }
}

/// The position of the password in an address that begins at `start`.
fn in_authority(word: &[u8], start: usize) -> Option<(usize, usize)> {
    let rest = word.get(start..)?;
    let authority = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#' | b'"' | b'\''));
    let end = authority.unwrap_or(rest.len());
    let whole = rest.get(..end)?;
    match whole.iter().rposition(|byte| *byte == b'@') {
        Some(at) => {
            let colon = whole.get(..at)?.iter().position(|byte| *byte == b':');
            // A user without a password is a token if it is long.
            let from = colon.map_or((at >= 20).then_some(0), |colon| Some(colon + 1))?;
            (from < at).then_some((start + from, start + at))
        }
        None => with_slash(rest, whole).map(|(from, to)| (start + from, start + to)).or_else(|| {
            let more = rest.get(end..)?.windows(3).position(|window| window == b"://")?;
            in_authority(word, start + end + more + 3)
        }),
    }
}

/// Finds a password that contains a slash: the part after the colon is not a port.
fn with_slash(rest: &[u8], whole: &[u8]) -> Option<(usize, usize)> {
    let colon = whole.iter().position(|byte| *byte == b':')?;
    let is_port = whole.get(colon + 1..)?.iter().all(u8::is_ascii_digit);
    let at = rest.iter().rposition(|byte| *byte == b'@')?;
    (!is_port && at > colon + 1).then_some((colon + 1, at))
}

/// `root:secret@tcp(db:3306)/shop`; `nginx:1.2@sha256:…` is an image.
fn without_scheme(word: &[u8]) -> Option<(usize, usize)> {
    let is_user = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'%');
    let user = word.iter().take_while(|byte| is_user(byte)).count();
    let rest = word.get(user..)?.strip_prefix(b":")?;
    let at = rest.iter().position(|byte| *byte == b'@')?;
    let password = rest.get(..at)?;
    let host = rest.get(at + 1..)?;
    let is_digest = host.starts_with(b"sha256:") || host.starts_with(b"sha512:");
    let is_one = !password.is_empty() && !password.iter().any(|byte| matches!(byte, b':' | b'/'));
    (user > 0 && is_one && !is_digest && host.first().is_some_and(u8::is_ascii_alphanumeric))
        .then_some((user + 1, user + 1 + at))
}
