//! Reads text files of the kernel line by line, into memory that is allocated at the start.

use std::{fs::File, os::unix::fs::FileExt as _};

/// Size of the buffer in bytes. A longer line is left out.
const BUFFER_BYTES: usize = 16 << 10;

/// Maximum number of bytes that are read from one file. `/proc/self/mountinfo` is the longest, on hosts with thousands of
/// mounts.
const MOST_BYTES: u64 = 4 << 20;

/// Reads files without allocating memory, which may fail during a shortage.
pub(super) struct Lines {
    buffer: Vec<u8>,
}

impl Lines {
    pub(super) fn new() -> Self {
        // Not zeros: only pages that were written are in memory.
        Self { buffer: vec![b'\n'; BUFFER_BYTES] }
    }

    /// Calls `each` with every line of a file, from its beginning.
    /// `None` if there is no file or if reading fails. The lines before the failure were passed on.
    pub(super) fn each(&mut self, file: Option<&File>, mut each: impl FnMut(&[u8])) -> Option<()> {
        let file = file?;
        let (mut offset, mut cut) = (0, Cut::default());
        while offset < MOST_BYTES {
            let room = self.buffer.get_mut(cut.kept..)?;
            let read = file.read_at(room, offset).ok()?;
            if read == 0 {
                break;
            }
            offset = offset.saturating_add(u64::try_from(read).ok()?);
            cut = take_lines(&mut self.buffer, cut, read, &mut each);
        }
        Some(())
    }
}

/// The incomplete last line that was read.
#[derive(Clone, Copy, Default)]
struct Cut {
    /// The number of its bytes, which are at the beginning of the buffer.
    kept: usize,
    /// Whether its beginning was dropped because the buffer was too small.
    is_tail: bool,
}

/// Passes on the complete lines in the buffer and moves the rest to the beginning.
fn take_lines(buffer: &mut [u8], cut: Cut, read: usize, each: &mut impl FnMut(&[u8])) -> Cut {
    let filled = cut.kept.saturating_add(read);
    let text = buffer.get(..filled).unwrap_or_default();
    let Some(end) = text.iter().rposition(|byte| *byte == b'\n') else {
        let is_full = filled >= buffer.len();
        return if is_full { Cut { kept: 0, is_tail: true } } else { Cut { kept: filled, ..cut } };
    };
    let lines = text.get(..end).unwrap_or_default().split(|byte| *byte == b'\n');
    lines.skip(usize::from(cut.is_tail)).for_each(each);
    buffer.copy_within(end + 1..filled, 0);
    Cut { kept: filled - end - 1, is_tail: false }
}

/// Returns the words of a line.
pub(super) fn words(line: &[u8]) -> impl Iterator<Item = &str> {
    std::str::from_utf8(line).unwrap_or_default().split_ascii_whitespace()
}

/// Decodes a field of `/proc/swaps` or `mountinfo`, in which codes such as `\040` stand for bytes.
/// <https://github.com/torvalds/linux/blob/v6.12/fs/seq_file.c#L437> (`mangle_path`)
pub(super) fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'\\').then(|| octal(after)).flatten();
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { after.get(3..).unwrap_or_default() } else { after };
    }
    bytes
}

fn octal(text: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(text.get(..3)?).ok()?;
    u8::from_str_radix(digits, 8).ok().filter(|_| !digits.starts_with('+'))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::{BUFFER_BYTES, Lines, unescape, words};

    fn lines(content: &[u8]) -> Vec<Vec<u8>> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        let mut found = Vec::new();
        Lines::new().each(Some(&file), |line| found.push(line.to_vec())).unwrap();
        found
    }

    #[test]
    fn passes_on_every_complete_line_once() {
        assert_eq!(lines(b"a\n\nb\ntorn"), [b"a".to_vec(), b"".to_vec(), b"b".to_vec()]);
        assert!(lines(b"").is_empty() && lines(b"torn").is_empty());
        let many: Vec<Vec<u8>> = (0..9000).map(|at| format!("line {at}").into_bytes()).collect();
        let content: Vec<u8> = many.iter().flat_map(|line| [line, &b"\n"[..]].concat()).collect();
        assert!(content.len() > 4 * BUFFER_BYTES);
        assert_eq!(lines(&content), many);
    }

    #[test]
    fn skips_lines_longer_than_the_buffer() {
        for length in [BUFFER_BYTES - 1, BUFFER_BYTES, BUFFER_BYTES + 1, 5 * BUFFER_BYTES] {
            let long = vec![b'x'; length];
            let found = lines(&[b"before\n", &long[..], b"\nafter\n"].concat());
            assert_eq!(found.first().unwrap(), b"before");
            assert_eq!(found.last().unwrap(), b"after");
            assert_eq!(found.len(), if length < BUFFER_BYTES { 3 } else { 2 }, "{length}");
        }
    }

    #[test]
    fn reads_nothing_without_a_file() {
        assert_eq!(Lines::new().each(None, |_| panic!("a line")), None);
        let directory = std::fs::File::open("/proc").unwrap();
        assert_eq!(Lines::new().each(Some(&directory), |_| panic!("a line")), None);
    }

    #[test]
    fn decodes_escapes() {
        assert_eq!(unescape(b"/a\\040b\\134c\\012"), b"/a b\\c\n");
        assert_eq!(unescape(b"\\04\\9999\\+10\\777\\"), b"\\04\\9999\\+10\\777\\");
    }

    #[test]
    fn returns_no_words_for_a_binary_line() {
        assert_eq!(words(b" a  b ").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(words(b"a \xff").count(), 0);
    }
}
