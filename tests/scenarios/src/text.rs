//! Bytes that need not be UTF-8 (a comm, a cgroup's name), written as printable ASCII.

use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Any bytes. As a string, `\xNN` stands for each byte that is a backslash or not printable ASCII. The kernel writes the
/// records of `/dev/kmsg` the same way (`msg_add_ext_text`,
/// <https://github.com/torvalds/linux/blob/v6.12/kernel/printk/printk.c#L642>).
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Text(Vec<u8>);

impl Text {
    /// The bytes themselves.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as a path.
    #[must_use]
    pub fn to_path(&self) -> PathBuf {
        OsString::from_vec(self.0.clone()).into()
    }

    /// Undo the escapes of a `/dev/kmsg` record. A backslash that begins no escape stands for itself.
    #[must_use]
    pub fn unescape(escaped: &str) -> Self {
        let mut bytes = Vec::with_capacity(escaped.len());
        let mut rest = escaped;
        while let Some(at) = rest.find("\\x") {
            let (before, from) = rest.split_at(at);
            bytes.extend_from_slice(before.as_bytes());
            let byte = from.get(2..4).and_then(|hex| u8::from_str_radix(hex, 16).ok());
            bytes.push(byte.unwrap_or(b'\\'));
            rest = from.get(if byte.is_some() { 4 } else { 1 }..).unwrap_or_default();
        }
        bytes.extend_from_slice(rest.as_bytes());
        Self(bytes)
    }

    /// Each byte as the char with the same number: searchable text without any loss.
    #[must_use]
    pub fn to_chars(&self) -> String {
        self.0.iter().copied().map(char::from).collect()
    }

    /// The reverse of [`Text::to_chars`]. `None` if a char is not a byte.
    #[must_use]
    pub fn from_chars(chars: &str) -> Option<Self> {
        chars.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<Vec<u8>>>().map(Self)
    }

    /// Whether a value of a report stands for these bytes: a string if they are UTF-8, else
    /// `{"bytes": "<base64>"}`.
    #[must_use]
    pub fn is_value(&self, value: &Value) -> bool {
        match std::str::from_utf8(&self.0) {
            Ok(text) => value.as_str() == Some(text),
            Err(_) => value.get("bytes").and_then(Value::as_str) == Some(&STANDARD.encode(&self.0)),
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &byte in &self.0 {
            if byte == b'\\' || !(b' '..=b'~').contains(&byte) {
                write!(f, "\\x{byte:02x}")?;
            } else {
                f.write_char(char::from(byte))?;
            }
        }
        Ok(())
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<&str> for Text {
    /// Takes the string as it is, without interpreting escapes.
    fn from(literal: &str) -> Self {
        Self(literal.as_bytes().to_vec())
    }
}

impl From<&Path> for Text {
    fn from(path: &Path) -> Self {
        Self(path.as_os_str().as_bytes().to_vec())
    }
}

impl From<String> for Text {
    fn from(escaped: String) -> Self {
        Self::unescape(&escaped)
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.to_string()
    }
}

impl FromStr for Text {
    type Err = std::convert::Infallible;

    fn from_str(escaped: &str) -> Result<Self, Self::Err> {
        Ok(Self::unescape(escaped))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Text;

    #[test]
    fn every_byte_survives_escaping() {
        let all: Vec<u8> = (0..=255).collect();
        let text = Text::from(all.as_slice());
        assert!(text.to_string().bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        assert_eq!(Text::unescape(&text.to_string()), text);
        assert_eq!(Text::from_chars(&text.to_chars()), Some(text));
    }

    #[test]
    fn keeps_a_backslash_without_two_digits() {
        assert_eq!(Text::unescape(r"a\xg1\x4").as_bytes(), br"a\xg1\x4");
    }

    #[test]
    fn reports_contain_text_or_base64_of_other_bytes() {
        let (text, bytes) = (Text::from("a\n"), Text::from(&b"a\xffb"[..]));
        assert!(text.is_value(&json!("a\n")) && !text.is_value(&json!("a")));
        assert!(bytes.is_value(&json!({ "bytes": "Yf9i" })));
        assert!(!bytes.is_value(&json!("a\u{fffd}b")) && !bytes.is_value(&json!({ "bytes": "YWI=" })));
    }
}
