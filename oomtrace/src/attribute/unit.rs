//! Units of systemd in the names of cgroups.

use super::{
    Walk,
    shape::{Shape, is_name},
};
use crate::bytes::ByteString;

/// The kinds of units that have processes of their own.
const SUFFIXES: [&str; 5] = [".service", ".scope", ".mount", ".swap", ".socket"];

/// The maximum length of a unit's name. <https://github.com/systemd/systemd/blob/v256/src/basic/unit-name.h>
const LONGEST: usize = 255;

/// The unit that a level is named after.
pub(super) fn unit(level: &[u8]) -> Option<ByteString> {
    let name = plain(level);
    let stem = SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix.as_bytes()))?;
    is_stem(stem).then(|| unescaped(name))
}

/// The slice that a level is named after.
pub(super) fn slice(level: &[u8]) -> Option<ByteString> {
    let name = plain(level);
    let stem = name.strip_suffix(b".slice")?;
    let has_gap = stem.starts_with(b"-") || stem.ends_with(b"-") || stem.windows(2).any(|two| two == b"--");
    (is_stem(stem) && !has_gap && !stem.contains(&b'@')).then(|| unescaped(name))
}

/// The user of `user-1000.slice`.
pub(super) fn slice_uid(level: &[u8]) -> Option<u32> {
    number(level.strip_prefix(b"user-")?.strip_suffix(b".slice")?)
}

/// The user of `user@1000.service`.
pub(super) fn manager_uid(level: &[u8]) -> Option<u32> {
    number(level.strip_prefix(b"user@")?.strip_suffix(b".service")?)
}

/// The session of `session-c2.scope`.
pub(super) fn session(level: &[u8]) -> Option<ByteString> {
    session_id(level.strip_prefix(b"session-")?.strip_suffix(b".scope")?)
}

/// The user and the session of `/user/1000.user/c2.session`, the form that logind used before systemd.
pub(super) fn upstart(walk: &Walk<'_>, level: &[u8]) -> Option<(u32, Option<ByteString>)> {
    let user = |level: &[u8]| number(level.strip_suffix(b".user")?);
    if walk.above == [b"user"] {
        return Some((user(level)?, None));
    }
    match walk.above.as_slice() {
        [b"user", above] => Some((user(above)?, Some(session_id(level.strip_suffix(b".session")?)?))),
        _ => None,
    }
}

fn session_id(id: &[u8]) -> Option<ByteString> {
    let fits = !id.is_empty() && id.iter().all(u8::is_ascii_alphanumeric);
    fits.then(|| ByteString::from(id.to_vec()))
}

/// A user's number; `None` for (uid_t) -1.
fn number(digits: &[u8]) -> Option<u32> {
    let number = Shape::Number.fits(digits).then_some(digits)?;
    std::str::from_utf8(number).ok()?.parse().ok().filter(|uid| *uid != u32::MAX)
}

/// Whether this may be a unit's name without its suffix. A template without an instance has no processes.
fn is_stem(stem: &[u8]) -> bool {
    let at_signs = stem.iter().filter(|byte| **byte == b'@').count();
    let is_template = stem.ends_with(b"@") || stem.starts_with(b"@");
    !stem.is_empty()
        && stem.len() <= LONGEST
        && at_signs <= 1
        && !is_template
        && stem.iter().all(|byte| is_name(*byte))
}

/// The name without the underscore that distinguishes a unit's name from the kernel's files.
/// <https://github.com/systemd/systemd/blob/v256/src/basic/cgroup-util.c> (`cg_unescape`)
fn plain(level: &[u8]) -> &[u8] {
    level.strip_prefix(b"_").unwrap_or(level)
}

/// The name with each `\x2d` replaced by the byte it stands for.
pub(super) fn unescaped(name: &[u8]) -> ByteString {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((first, behind)) = rest.split_first() {
        match escape(rest) {
            Some(byte) => {
                bytes.push(byte);
                rest = rest.get(4..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    ByteString::from(bytes)
}

/// The byte that an escape at the beginning stands for. A name cannot contain NUL.
fn escape(bytes: &[u8]) -> Option<u8> {
    let digits = bytes.strip_prefix(b"\\x")?.get(..2)?;
    let is_escape = digits.iter().all(u8::is_ascii_hexdigit);
    let byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    (is_escape && byte != 0).then_some(byte)
}
