//! The arguments of a process, from the kernel side and from procfs.
//!
//! `process_vm_readv` looks as if it needed no memory.
//! But it copies pages that a fork still shares, and the victim's cgroup is charged for the copies. In a guest with 6.18 this
//! killed an unrelated process.

use oomtrace_common::event::Arguments;

use crate::bytes::ByteString;

/// Number of bytes of a command line that are kept. A command line can be megabytes long.
const KEPT_BYTES: usize = 4096;

/// The arguments that the kernel side sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::source) enum Sent {
    /// All arguments.
    Whole(Vec<ByteString>),
    /// The part that fitted.
    Beginning(Vec<ByteString>),
}

impl Sent {
    /// Returns the arguments, or `None` if nothing could be read.
    pub(in crate::source) fn of(frame: &Arguments) -> Option<Self> {
        // A length below zero is that of a process in `execve`, and the text would contain its environment.
        let bytes = i64::try_from(frame.bytes).ok().and_then(|bytes| usize::try_from(bytes).ok())?;
        let text = usize::try_from(frame.text_bytes).ok().and_then(|sent| frame.text.get(..sent))?;
        if text.len() == bytes && text.ends_with(b"\0") {
            return split(text).map(Self::Whole);
        }
        // If the last byte is not a NUL, the process has replaced its arguments with a title. The title may continue behind
        // them.
        let is_title = text.len() == bytes;
        let first = text.split(|byte| *byte == 0).next().filter(|_| is_title);
        split(first.unwrap_or(text)).map(Self::Beginning)
    }

    /// The arguments that were sent.
    pub(in crate::source) fn words(&self) -> &[ByteString] {
        let (Self::Whole(words) | Self::Beginning(words)) = self;
        words
    }
}

/// Parses the arguments from procfs. The text ends with a NUL, unless it is a title, which has none. Otherwise a part was
/// already gone (`get_mm_cmdline`, <https://github.com/torvalds/linux/blob/v6.12/fs/proc/base.c>).
pub(in crate::source) fn shown(bytes: &[u8]) -> Option<Vec<ByteString>> {
    let is_torn = bytes.contains(&0) && !bytes.ends_with(b"\0");
    if is_torn { None } else { split(bytes) }
}

/// Splits the arguments at the NULs, up to the length that is kept; `None` for a process without arguments.
pub(in crate::source) fn split(bytes: &[u8]) -> Option<Vec<ByteString>> {
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

    fn frame(text: &[u8], bytes: u64) -> Arguments {
        let mut frame = Arguments { bytes, ..Arguments::new_zeroed() };
        frame.text[..text.len()].copy_from_slice(text);
        frame.text_bytes = u32::try_from(text.len()).unwrap();
        frame
    }

    #[test]
    fn refuses_a_length_below_zero() {
        // The arguments and the environment of a process in `execve`.
        assert_eq!(Sent::of(&frame(b"a\0SECRET=1\0", 0_u64.wrapping_sub(1 << 40))), None);
    }

    #[test]
    fn recognizes_complete_arguments() {
        assert_eq!(Sent::of(&frame(b"a\0\0b c\0", 7)), Some(Sent::Whole(words(&["a", "", "b c"]))));
    }

    #[test]
    fn treats_a_cut_or_a_title_as_a_beginning() {
        assert_eq!(Sent::of(&frame(b"a\0b", 9)), Some(Sent::Beginning(words(&["a", "b"]))));
        assert_eq!(Sent::of(&frame(b"nginx", 5)), Some(Sent::Beginning(words(&["nginx"]))));
        assert_eq!(Sent::of(&frame(b"nginx\0x", 7)), Some(Sent::Beginning(words(&["nginx"]))));
    }

    #[test]
    fn returns_none_without_arguments() {
        assert_eq!(Sent::of(&frame(b"", 0)), None);
        assert_eq!(Sent::of(&frame(b"", 9)), None);
        let more_than_there_is = Arguments { text_bytes: u32::MAX, ..frame(b"a\0", 2) };
        assert_eq!(Sent::of(&more_than_there_is), None);
        assert_eq!(shown(b""), None);
    }

    #[test]
    fn rejects_arguments_that_were_torn() {
        assert_eq!(shown(b"hog\0--cgroup\0/sys/f"), None);
        assert_eq!(shown(b"hog\0--cgroup\0\xff\0").map(|words| words.len()), Some(3));
        assert_eq!(shown(b"nginx: worker process"), Some(words(&["nginx: worker process"])));
        let long = [&[b'a'; 2 * KEPT_BYTES][..], b"\0"].concat();
        assert_eq!(shown(&long).unwrap()[0].as_bytes().len(), KEPT_BYTES, "cut, and known to be long");
    }
}
