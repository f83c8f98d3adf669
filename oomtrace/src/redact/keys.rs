//! Decides by the name of a setting whether its value is a secret.

/// How certain it is that a value is a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Always.
    Secret,
    /// Unless it is a number: `--max-tokens=4096`.
    SecretUnlessNumber,
    /// If it is long: `--key=2` sorts, and `--key=9f86d081884c7d65` does not.
    SecretIfLong,
}

/// Parts of a name without its separators, in lower case.
const PARTS: [&[u8]; 22] = [
    b"password",
    b"passwd",
    b"passphrase",
    b"passcode",
    b"requirepass",
    b"masterauth",
    b"secret",
    b"credential",
    b"authorization",
    b"accesstoken",
    b"authtoken",
    b"refreshtoken",
    b"apikey",
    b"accesskey",
    b"accountkey",
    b"authkey",
    b"clientkey",
    b"encryptionkey",
    b"masterkey",
    b"privatekey",
    b"sharedkey",
    b"signingkey",
];

/// Whole words of a name.
const WORDS: [&[u8]; 7] = [b"token", b"pass", b"pwd", b"psw", b"pw", b"cookie", b"jwt"];

/// Words whose value is a secret unless it is a number.
const PLURALS: [&[u8]; 2] = [b"tokens", b"cookies"];

/// Words of a name that may or may not mean a secret.
const WEAK: [&[u8]; 8] =
    [b"key", b"auth", b"bearer", b"basic", b"sig", b"signature", b"session", b"authentication"];

/// Last words of a name that describe a secret: its place, its length, or whether there is one.
const ABOUT: [&[u8]; 51] = [
    b"age",
    b"algorithm",
    b"arn",
    b"audience",
    b"class",
    b"cmd",
    b"column",
    b"command",
    b"count",
    b"dir",
    b"directory",
    b"disabled",
    b"enabled",
    b"endpoint",
    b"env",
    b"expiry",
    b"fd",
    b"field",
    b"file",
    b"format",
    b"header",
    b"id",
    b"interval",
    b"issuer",
    b"length",
    b"lifetime",
    b"limit",
    b"location",
    b"manager",
    b"max",
    b"min",
    b"mode",
    b"mount",
    b"name",
    b"namespace",
    b"path",
    b"policy",
    b"prefix",
    b"prompt",
    b"provider",
    b"required",
    b"rotation",
    b"size",
    b"source",
    b"stdin",
    b"store",
    b"timeout",
    b"ttl",
    b"type",
    b"uri",
    b"url",
];

/// Shell variables whose names end like a secret and that contain directories.
const DIRECTORIES: [&[u8]; 2] = [b"PWD", b"OLDPWD"];

/// The kind of value for a setting with this name; `None` for an ordinary setting.
pub(super) fn value_of(name: &[u8]) -> Option<Value> {
    let name = name.trim_ascii_start();
    let words = words(name);
    let last = words.last()?;
    if ABOUT.contains(&last.as_slice()) || DIRECTORIES.contains(&name) {
        return None;
    }
    let joined = words.concat();
    let has = |known: &[&[u8]]| words.iter().any(|word| known.contains(&word.as_slice()));
    if PARTS.iter().any(|part| joined.windows(part.len()).any(|window| window == *part)) || has(&WORDS) {
        return Some(Value::Secret);
    }
    if has(&PLURALS) {
        return Some(Value::SecretUnlessNumber);
    }
    // An environment variable: `STRIPE_KEY=`.
    if last == b"key"
        && name.iter().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'0'..=b'9'))
    {
        return Some(Value::Secret);
    }
    has(&WEAK).then_some(Value::SecretIfLong)
}

impl Value {
    /// Whether to hide this value.
    pub(super) fn hides(self, value: &[u8]) -> bool {
        let is_number = value.iter().all(u8::is_ascii_digit);
        match self {
            _ if is_switch(value) => false,
            Self::Secret => true,
            Self::SecretUnlessNumber => !is_number,
            Self::SecretIfLong => is_long(value),
        }
    }
}

/// Whether the value is empty or a word that switches something on or off.
fn is_switch(value: &[u8]) -> bool {
    let switches: [&[u8]; 8] = [b"", b"true", b"false", b"yes", b"no", b"on", b"off", b"none"];
    switches.iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// The minimum length of a value that is taken for a key and not for a word.
const SHORTEST_KEY: usize = 16;

/// Whether a value looks like a key: long, digits of base 64 or 16, and not a path.
fn is_long(value: &[u8]) -> bool {
    let is_digit =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'-');
    value.len() >= SHORTEST_KEY
        && !value.starts_with(b"/")
        && value.iter().all(is_digit)
        && (value.iter().any(u8::is_ascii_digit) || value.ends_with(b"="))
        && value.iter().any(u8::is_ascii_alphabetic)
}

/// The words of a name in lower case. They are separated by `-`, `_`, `.` and blanks, and where an upper-case letter follows a
/// lower-case one.
fn words(name: &[u8]) -> Vec<Vec<u8>> {
    let mut words = vec![Vec::new()];
    let mut before = 0_u8;
    for byte in name.iter().copied() {
        let begins = byte.is_ascii_uppercase() && before.is_ascii_lowercase();
        if !byte.is_ascii_alphanumeric() || begins {
            words.push(Vec::new());
        }
        if let (Some(word), true) = (words.last_mut(), byte.is_ascii_alphanumeric()) {
            word.push(byte.to_ascii_lowercase());
        }
        before = byte;
    }
    words.retain(|word| !word.is_empty());
    words
}
