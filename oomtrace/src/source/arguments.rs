//! The arguments of a process as the kernel side sent them, else read out of the process's own memory: a look that takes none.
//! `/proc/PID/cmdline` needs a page, and on a machine that is out of memory the look waits for one until the victim has gone.

use oomtrace_common::event::Arguments;

use crate::bytes::ByteString;

/// Bytes of a command line that are kept: it can be megabytes long.
pub(super) const ARGUMENT_BYTES: usize = 4096;

/// The arguments, without a look at the process: `None` if none were sent.
pub(super) fn sent(told: &Arguments) -> Option<Vec<ByteString>> {
    let (text, length) = measured(told)?;
    arguments(text, length)
}

/// The arguments, with a look where not all were sent; `None` if there are none, or no leave to look
/// (`PTRACE_MODE_ATTACH_REALCREDS`: needs CAP_SYS_PTRACE, and Yama can forbid it to all).
pub(super) fn read(told: &Arguments) -> Option<Vec<ByteString>> {
    let (text, length) = measured(told)?;
    // All of them, and no title, which could go on elsewhere.
    if text.len() == length && text.ends_with(b"\0") {
        return split(text);
    }
    let mut bytes = [0; ARGUMENT_BYTES];
    let got = usize::try_from(told.arg_start).ok().and_then(|start| peek(told.pid, start, &mut bytes));
    arguments(got.and_then(|got| bytes.get(..got)).unwrap_or(text), length)
}

/// What was sent, and how long the whole is.
fn measured(told: &Arguments) -> Option<(&[u8], usize)> {
    let length =
        usize::try_from(told.arg_end.checked_sub(told.arg_start)?).ok().filter(|length| *length > 0)?;
    let text = usize::try_from(told.text_bytes).ok().and_then(|sent| told.text.get(..sent))?;
    Some((text, length))
}

/// Copies what another process has at `address` and behind, as far as there is something; how much that was.
fn peek(pid: i32, address: usize, bytes: &mut [u8]) -> Option<usize> {
    let local = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let remote = libc::iovec { iov_base: core::ptr::without_provenance_mut(address), iov_len: bytes.len() };
    // SAFETY: writes to `bytes` alone, as much as they hold; the address is another process's, and checked by the kernel.
    let got = unsafe { libc::process_vm_readv(pid, &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(got).ok().filter(|got| *got > 0)
}

/// The arguments in what was found, of which the first `length` bytes are theirs. Where these do not end with a NUL, the process
/// has put a title in their place, which may go on behind them
/// (`get_mm_cmdline`, <https://github.com/torvalds/linux/blob/v6.12/fs/proc/base.c>).
fn arguments(found: &[u8], length: usize) -> Option<Vec<ByteString>> {
    let is_title = length.checked_sub(1).and_then(|last| found.get(last)).is_some_and(|last| *last != 0);
    if is_title {
        let title = found.split(|byte| *byte == 0).next()?;
        return Some(vec![ByteString::from(title.to_vec())]);
    }
    split(found.get(..length).unwrap_or(found))
}

/// The arguments between the NULs, as far as they are kept; `None` for a process that has none.
pub(super) fn split(bytes: &[u8]) -> Option<Vec<ByteString>> {
    let kept = bytes.get(..ARGUMENT_BYTES).unwrap_or(bytes);
    let kept = kept.strip_suffix(b"\0").unwrap_or(kept);
    if bytes.is_empty() {
        return None;
    }
    Some(kept.split(|byte| *byte == 0).map(|argument| ByteString::from(argument.to_vec())).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use oomtrace_common::event::Arguments;
    use zerocopy::FromZeros as _;

    use super::{arguments, read, sent, split};
    use crate::bytes::ByteString;

    fn strings(texts: &[&str]) -> Option<Vec<ByteString>> {
        Some(texts.iter().map(|text| ByteString::from(text.as_bytes().to_vec())).collect())
    }

    /// Where this test's own arguments lie: fields 48 and 49 of proc_pid_stat(5).
    fn own_place() -> Arguments {
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let field = |number: usize| fields[number - 3].parse().unwrap();
        let pid = i32::try_from(std::process::id()).unwrap();
        let (arg_start, arg_end) = (field(48), field(49));
        Arguments { pid, tid: pid, arg_start, arg_end, ..Arguments::new_zeroed() }
    }

    /// As sent by the kernel side, of a process that is not there any more.
    fn told(text: &[u8], length: u64) -> Arguments {
        let mut told =
            Arguments { pid: i32::MAX, arg_start: 8, arg_end: 8 + length, ..Arguments::new_zeroed() };
        told.text[..text.len()].copy_from_slice(text);
        told.text_bytes = u32::try_from(text.len()).unwrap();
        told
    }

    #[test]
    fn what_was_sent_needs_no_look() {
        assert_eq!(read(&told(b"a\0b c\0", 6)), strings(&["a", "b c"]));
        assert_eq!(read(&told(b"a\0b", 9)), strings(&["a", "b"]), "the beginning is better than nothing");
        assert_eq!(read(&told(b"nginx", 5)), strings(&["nginx"]), "a title");
        assert_eq!(
            read(&Arguments { text_bytes: u32::MAX, ..told(b"a", 1) }),
            None,
            "more than there is room for"
        );
    }

    #[test]
    fn what_was_sent_is_no_more_than_a_beginning_where_there_is_more() {
        let told = Arguments { text_bytes: 1, ..own_place() };
        assert_eq!(read(&told), read(&own_place()));
        assert!(sent(&told).is_some_and(|beginning| beginning[0].as_bytes().is_empty()));
        assert_eq!(sent(&own_place()), None);
    }

    #[test]
    fn what_is_read_is_what_procfs_shows() {
        let shown = split(&fs::read("/proc/self/cmdline").unwrap());
        assert_eq!(read(&own_place()), shown);
        assert!(shown.is_some_and(|shown| !shown.is_empty()));
    }

    #[test]
    fn a_place_that_is_none_says_nothing() {
        let own = own_place();
        assert_eq!(read(&Arguments { arg_start: 0, arg_end: 0, ..own }), None);
        assert_eq!(read(&Arguments { arg_start: 8, arg_end: 16, ..own }), None);
        assert_eq!(read(&Arguments { arg_end: own.arg_start - 1, ..own }), None);
        assert_eq!(read(&Arguments { arg_start: u64::MAX - 1, arg_end: u64::MAX, ..own }), None);
        assert_eq!(read(&Arguments { pid: i32::MAX, ..own }), None);
    }

    #[test]
    fn arguments_may_be_empty_and_end_where_they_end() {
        assert_eq!(arguments(b"a\0\0b\0HOME=/\0", 5), strings(&["a", "", "b"]));
        assert_eq!(arguments(b"a\0lon", 9), strings(&["a", "lon"]), "cut where the reading ended");
        assert_eq!(split(b""), None);
    }

    #[test]
    fn a_title_may_go_on_where_the_environment_was() {
        assert_eq!(arguments(b"postgres: walwriter\0rest", 11), strings(&["postgres: walwriter"]));
        assert_eq!(arguments(b"nginx\0x", 7), strings(&["nginx"]));
    }
}
