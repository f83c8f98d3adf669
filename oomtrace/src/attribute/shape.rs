//! The forms of identifiers in cgroup names, and their recognition.

/// The form of an identifier in the name of a cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// 64 lower-case hexadecimal digits, as OCI engines choose them.
    Hex64,
    /// 32 hexadecimal digits or a UUID, then a dash and a number: Fargate.
    TaskNumber,
    /// 8-4-4-4-12 hexadecimal digits.
    Uuid,
    /// A UUID, a dot and a name: an allocation of Nomad and its task.
    UuidName,
    /// 25 lower-case letters and digits: BuildKit.
    Base36,
    /// A name that a user chose: letters, digits, `_`, `.`, `-`, `:`, `@`, and `\x2d` for a dash.
    Name,
    /// `container_1535425542470_0004_01_000002`, with or without an epoch (`e17_`) after the first underscore.
    Yarn,
    /// A number.
    Number,
    /// A number, a dot and a host, with brackets for an array.
    NumberHost,
    /// 14 letters and digits, an `s` first: Slurm from 26.05 on.
    Sluid,
    /// `f` and base 58 digits: Flux.
    F58,
}

impl Shape {
    /// Whether these bytes are an identifier of this form.
    pub(super) fn fits(self, bytes: &[u8]) -> bool {
        let all = |is: fn(u8) -> bool| !bytes.is_empty() && bytes.iter().all(|byte| is(*byte));
        match self {
            Self::Hex64 => bytes.len() == 64 && all(is_hex),
            Self::TaskNumber => split_last(bytes, b'-').is_some_and(|(task, number)| {
                (task.len() == 32 && task.iter().all(|byte| is_hex(*byte)) || is_uuid(task))
                    && Self::Number.fits(number)
            }),
            Self::Uuid => is_uuid(bytes),
            Self::UuidName => bytes.split_at_checked(36).is_some_and(|(uuid, rest)| {
                is_uuid(uuid) && rest.strip_prefix(b".").is_some_and(|name| Self::Name.fits(name))
            }),
            Self::Base36 => {
                bytes.len() == 25 && all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            }
            Self::Name => all(is_name),
            Self::Yarn => is_yarn(bytes),
            Self::Number => all(|byte| byte.is_ascii_digit()),
            Self::NumberHost => {
                let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let rest = bytes.get(digits..).unwrap_or_default();
                let is_rest = |byte: &u8| is_name(*byte) || matches!(byte, b'[' | b']');
                digits > 0 && rest.contains(&b'.') && rest.iter().all(is_rest)
            }
            Self::Sluid => {
                bytes.len() == 14
                    && bytes.starts_with(b"s")
                    && bytes.iter().skip(1).all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
            }
            Self::F58 => {
                bytes.starts_with(b"f")
                    && (2..=13).contains(&bytes.len())
                    && all(|byte| byte.is_ascii_alphanumeric())
            }
        }
    }
}

const fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// Characters of names, as engines and systemd allow them.
pub(super) const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b':' | b'@' | b'\\')
}

/// Whether the bytes are a UUID with dashes.
pub(super) fn is_uuid(bytes: &[u8]) -> bool {
    let groups: Vec<&[u8]> = bytes.split(|byte| *byte == b'-').collect();
    let lengths = groups.iter().map(|group| group.len());
    bytes.len() == 36
        && lengths.eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.iter().all(|byte| is_hex(*byte)))
}

/// The bytes before and after the last occurrence of a byte.
pub(super) fn split_last(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = bytes.iter().rposition(|byte| *byte == at)?;
    Some((bytes.get(..place)?, bytes.get(place + 1..)?))
}

fn is_yarn(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"container_") else { return false };
    let mut parts: Vec<&[u8]> = rest.split(|byte| *byte == b'_').collect();
    if parts.len() == 5 {
        let epoch = parts.remove(0);
        if !epoch.strip_prefix(b"e").is_some_and(|number| Shape::Number.fits(number)) {
            return false;
        }
    }
    parts.len() == 4 && parts.iter().all(|part| Shape::Number.fits(part))
}
