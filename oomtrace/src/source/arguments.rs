//! The arguments of a process, as the kernel side sent them and as procfs shows them.
//!
//! `process_vm_readv` would need no memory to look, it seems; but it has pages that a fork still shares copied, at the expense of the
//! victim's cgroup: in a guest of 6.18 an innocent process was killed of it.

use oomtrace_common::event::Arguments;

use crate::bytes::ByteString;

/// Bytes of a command line that are kept: it can be megabytes long.
const KEPT_BYTES: usize = 4096;

/// What the kernel side sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// All of them.
    Whole(Vec<ByteString>),
    /// As much as there was room for.
    Beginning(Vec<ByteString>),
}

impl Sent {
    /// Absent where nothing could be read.
    pub(super) fn of(told: &Arguments) -> Option<Self> {
        let bytes = usize::try_from(told.bytes).ok()?;
        let text = usize::try_from(told.text_bytes).ok().and_then(|sent| told.text.get(..sent))?;
        if text.len() == bytes && text.ends_with(b"\0") {
            return split(text).map(Self::Whole);
        }
        // Where the last byte of all is no NUL, the process has put a title in their place, which may go on behind it.
        let is_title = text.len() == bytes;
        let first = text.split(|byte| *byte == 0).next().filter(|_| is_title);
        split(first.unwrap_or(text)).map(Self::Beginning)
    }

    /// Those that were sent.
    pub(super) fn words(&self) -> &[ByteString] {
        let (Self::Whole(words) | Self::Beginning(words)) = self;
        words
    }
}

/// The arguments in what procfs shows. It ends with a NUL unless it is a title, which has none: else a part of it was gone
/// (`get_mm_cmdline`, <https://github.com/torvalds/linux/blob/v6.12/fs/proc/base.c>).
pub(super) fn shown(bytes: &[u8]) -> Option<Vec<ByteString>> {
    let is_torn = bytes.contains(&0) && !bytes.ends_with(b"\0");
    if is_torn { None } else { split(bytes) }
}

/// The arguments between the NULs, as far as they are kept; `None` for a process that has none.
fn split(bytes: &[u8]) -> Option<Vec<ByteString>> {
    let kept = bytes.get(..KEPT_BYTES).unwrap_or(bytes);
    let kept = kept.strip_suffix(b"\0").unwrap_or(kept);
    if bytes.is_empty() {
        return None;
    }
    Some(kept.split(|byte| *byte == 0).map(|argument| ByteString::from(argument.to_vec())).collect())
}

#[cfg(test)]
mod tests {
    use oomtrace_common::event::Arguments;
    use zerocopy::FromZeros as _;

    use super::{KEPT_BYTES, Sent, shown};
    use crate::bytes::ByteString;

    fn words(texts: &[&str]) -> Vec<ByteString> {
        texts.iter().map(|text| ByteString::from(text.as_bytes().to_vec())).collect()
    }

    fn told(text: &[u8], bytes: u64) -> Arguments {
        let mut told = Arguments { bytes, ..Arguments::new_zeroed() };
        told.text[..text.len()].copy_from_slice(text);
        told.text_bytes = u32::try_from(text.len()).unwrap();
        told
    }

    #[test]
    fn whole_arguments_need_no_look() {
        assert_eq!(Sent::of(&told(b"a\0\0b c\0", 7)), Some(Sent::Whole(words(&["a", "", "b c"]))));
    }

    #[test]
    fn a_beginning_or_a_title_may_be_longer_elsewhere() {
        assert_eq!(Sent::of(&told(b"a\0b", 9)), Some(Sent::Beginning(words(&["a", "b"]))));
        assert_eq!(Sent::of(&told(b"nginx", 5)), Some(Sent::Beginning(words(&["nginx"]))));
        assert_eq!(Sent::of(&told(b"nginx\0x", 7)), Some(Sent::Beginning(words(&["nginx"]))));
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(Sent::of(&told(b"", 0)), None);
        assert_eq!(Sent::of(&told(b"", 9)), None);
        let more_than_there_is = Arguments { text_bytes: u32::MAX, ..told(b"a\0", 2) };
        assert_eq!(Sent::of(&more_than_there_is), None);
        assert_eq!(shown(b""), None);
    }

    #[test]
    fn what_was_torn_is_not_shown_as_whole() {
        assert_eq!(shown(b"hog\0--cgroup\0/sys/f"), None);
        assert_eq!(shown(b"hog\0--cgroup\0\xff\0").map(|words| words.len()), Some(3));
        assert_eq!(shown(b"nginx: worker process"), Some(words(&["nginx: worker process"])));
        let long = [&[b'a'; 2 * KEPT_BYTES][..], b"\0"].concat();
        assert_eq!(shown(&long).unwrap()[0].as_bytes().len(), KEPT_BYTES, "cut, and known to be long");
    }
}
