//! Byte strings that a user or the kernel chose: names, paths, arguments. Usually they are text, but nothing guarantees it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};

/// Exact bytes. JSON has a string if they are UTF-8, otherwise `{"bytes": "<base64>"}`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteString(Vec<u8>);

impl ByteString {
    /// A fixed-size kernel string: everything before its first NUL.
    #[must_use]
    pub fn until_nul(bytes: &[u8]) -> Self {
        let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        Self(bytes.get(..length).unwrap_or_default().to_vec())
    }

    /// Text for a sentence. Bytes that are not UTF-8, and characters that would disturb a reader, are escaped.
    #[must_use]
    pub fn to_words(&self) -> String {
        let mut words = String::new();
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    plain if !plain.is_control() && !is_direction(plain) => words.push(plain),
                    other => words.extend(other.escape_default()),
                }
            }
            for byte in chunk.invalid() {
                words.push_str(&format!("\\x{byte:02x}"));
            }
        }
        words
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for ByteString {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&str> for ByteString {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl std::fmt::Debug for ByteString {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "b\"{}\"", self.0.escape_ascii())
    }
}

/// Characters that change the direction of text, or that are invisible.
fn is_direction(character: char) -> bool {
    matches!(u32::from(character), 0x061c | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x2069 | 0xfeff)
}

/// The form of bytes in JSON that are not text.
#[derive(Serialize, Deserialize)]
struct Encoded {
    bytes: String,
}

impl Serialize for ByteString {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Encoded { bytes: STANDARD.encode(&self.0) }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ByteString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Either)
    }
}

/// Text, or its encoded form. The input's type decides which one it is, so nothing is buffered and read again.
struct Either;

impl<'de> Visitor<'de> for Either {
    type Value = ByteString;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a string, or an object with base64 under \"bytes\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ByteString, E> {
        Ok(text.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ByteString, A::Error> {
        let Encoded { bytes } = Encoded::deserialize(MapAccessDeserializer::new(map))?;
        STANDARD.decode(bytes).map(ByteString).map_err(A::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::ByteString;

    #[test]
    fn preserves_any_bytes_and_keeps_text_readable() {
        for bytes in [&b"plain"[..], b"", b"\x1b[2J\"\\\n", "\u{202e}name".as_bytes(), b"\xff\xfe", b"a\0b"] {
            let exact = ByteString::from(bytes.to_vec());
            let json = serde_json::to_string(&exact).unwrap();
            assert_eq!(serde_json::from_str::<ByteString>(&json).unwrap(), exact, "{json}");
        }
        assert_eq!(serde_json::to_string(&ByteString::from("plain")).unwrap(), "\"plain\"");
        assert_eq!(serde_json::to_string(&ByteString::from(vec![0xff])).unwrap(), "{\"bytes\":\"/w==\"}");
    }

    #[test]
    fn words_keep_letters_and_escape_the_rest() {
        let name = ByteString::from([b"/k\xc3\xb6ln\x1b[2J\xff".as_slice(), "\u{202e}".as_bytes()].concat());
        assert_eq!(name.to_words(), "/k\u{f6}ln\\u{1b}[2J\\xff\\u{202e}");
    }

    #[test]
    fn ends_a_kernel_string_at_its_nul() {
        assert_eq!(ByteString::until_nul(b"python3\0\0junk").as_bytes(), b"python3");
        assert_eq!(ByteString::until_nul(b"no nul at all!!!").as_bytes().len(), 16);
    }
}
