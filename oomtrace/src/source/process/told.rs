//! Facts that a process sent itself when it received SIGKILL. It still had its memory, so these facts are of that process even if user
//! space found nothing in procfs.

use oomtrace_common::{
    event::{Arguments, Executable},
    frame::Kind,
};
use zerocopy::FromBytes;

use super::{arguments::Sent, procfs};
use crate::{bytes::ByteString, context::Process};

/// The words that procfs adds to the path of a deleted file.
/// <https://github.com/torvalds/linux/blob/v6.12/fs/d_path.c> (`path_with_deleted`)
const DELETED: &[u8] = b" (deleted)";

/// Returns what a process said about itself in a frame, or `None` for another frame or without a fact.
pub(in crate::source) fn told(kind: u16, payload: &[u8], now_ns: u64) -> Option<Process> {
    let known = |pid, tid, start_boot_ns: u64| {
        procfs::unknown(pid, tid, (start_boot_ns != 0).then_some(start_boot_ns), now_ns)
    };
    if kind == Kind::VictimArguments.number() {
        let sent = of::<Arguments>(payload)?;
        let cmdline = Some(Sent::of(&sent)?.words().to_vec());
        return Some(Process { cmdline, ..known(sent.pid, sent.tid, sent.start_boot_ns) });
    }
    let sent = of::<Executable>(payload).filter(|_| kind == Kind::Executable.number())?;
    let exe = Some(path(&sent)?);
    Some(Process { exe, ..known(sent.pid, sent.tid, sent.start_boot_ns) })
}

fn of<T: FromBytes>(payload: &[u8]) -> Option<T> {
    T::read_from_prefix(payload).ok().map(|(event, _)| event)
}

/// Returns the path, or `None` if a part of it is missing.
fn path(sent: &Executable) -> Option<ByteString> {
    let text = sent.text.get(..usize::try_from(sent.text_bytes).ok()?)?.strip_suffix(b"\0")?;
    if sent.flags & Executable::WHOLE == 0 {
        return None;
    }
    let mut path = Vec::with_capacity(text.len() + 1 + DELETED.len());
    for name in text.rsplit(|byte| *byte == 0) {
        path.push(b'/');
        path.extend_from_slice(name);
    }
    if sent.flags & Executable::DELETED != 0 {
        path.extend_from_slice(DELETED);
    }
    Some(ByteString::from(path))
}

#[cfg(test)]
mod tests {
    use oomtrace_common::{
        event::{Arguments, Executable},
        frame::Kind,
    };
    use zerocopy::{FromZeros as _, IntoBytes as _};

    use super::told;
    use crate::bytes::ByteString;

    fn exe(text: &[u8], flags: u32) -> Option<ByteString> {
        let text_bytes = u32::try_from(text.len()).unwrap();
        let mut sent = Executable { pid: 7, flags, text_bytes, ..Executable::new_zeroed() };
        sent.text[..text.len()].copy_from_slice(text);
        told(Kind::Executable.number(), sent.as_bytes(), 9)?.exe
    }

    fn bytes(text: &[u8]) -> Option<ByteString> {
        Some(ByteString::from(text.to_vec()))
    }

    #[test]
    fn joins_the_names_of_an_executable_from_the_root() {
        assert_eq!(exe(b"hog\0bin\0usr\0", Executable::WHOLE), bytes(b"/usr/bin/hog"));
        assert_eq!(exe(b"hog\0", Executable::WHOLE | Executable::DELETED), bytes(b"/hog (deleted)"));
        assert_eq!(exe(b"\xff\n\0", Executable::WHOLE), bytes(b"/\xff\n"));
    }

    #[test]
    fn returns_no_executable_if_a_part_is_missing() {
        assert_eq!(exe(b"hog\0bin\0", 0), None);
        assert_eq!(exe(b"hog\0bi", Executable::WHOLE), None);
        assert_eq!(exe(b"", Executable::WHOLE), None);
        let too_long = Executable { flags: 1, text_bytes: u32::MAX, ..Executable::new_zeroed() };
        assert_eq!(told(Kind::Executable.number(), too_long.as_bytes(), 9), None);
    }

    #[test]
    fn returns_the_arguments_with_the_process_that_sent_them() {
        let mut sent = Arguments {
            pid: 7,
            tid: 8,
            start_boot_ns: 5,
            bytes: 4,
            text_bytes: 4,
            ..Arguments::new_zeroed()
        };
        sent.text[..4].copy_from_slice(b"a\0b\0");
        let process = told(Kind::VictimArguments.number(), sent.as_bytes(), 9).unwrap();
        assert_eq!((process.pid, process.tid, process.start_boot_ns), (7, 8, Some(5)));
        assert_eq!(process.cmdline.map(|words| words.len()), Some(2));
        assert_eq!(
            told(Kind::Arguments.number(), sent.as_bytes(), 9),
            None,
            "this kind comes before SIGKILL"
        );
        let unread = Arguments { text_bytes: 0, ..sent };
        assert_eq!(told(Kind::VictimArguments.number(), unread.as_bytes(), 9), None);
    }
}
