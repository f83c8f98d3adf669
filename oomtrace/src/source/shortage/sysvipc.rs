//! Reads `/proc/sysvipc/shm`: how much System V shared memory is resident.
//! <https://github.com/torvalds/linux/blob/v6.12/ipc/shm.c#L1822> (`sysvipc_shm_proc_show`)

use super::lines;

/// The sum over the lines so far.
#[derive(Debug, Default)]
pub(super) struct Resident {
    /// The index of the column, from the header line.
    column: Option<usize>,
    bytes: u64,
}

impl Resident {
    pub(super) fn take_line(&mut self, line: &[u8]) {
        let Some(column) = self.column else {
            self.column = lines::words(line).position(|word| word == "rss");
            return;
        };
        let bytes = lines::words(line).nth(column).and_then(|word| word.parse().ok());
        self.bytes = self.bytes.saturating_add(bytes.unwrap_or(0));
    }

    /// Returns the bytes of all segments; `None` if the file has no such column.
    pub(super) fn bytes(&self) -> Option<u64> {
        self.column.map(|_| self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::Resident;

    const HEAD: &str = "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      \
                        atime      dtime      ctime                   rss                  swap\n";

    fn bytes(text: &str) -> Option<u64> {
        let mut resident = Resident::default();
        text.as_bytes().split(|byte| *byte == b'\n').for_each(|line| resident.take_line(line));
        resident.bytes()
    }

    #[test]
    fn adds_up_the_segments() {
        let segment = |rss| format!("0 5 600 4194304 87 87 1 0 0 0 0 1795943123 0 1795943123 {rss} 12288\n");
        assert_eq!(bytes(&format!("{HEAD}{}{}", segment(4096), segment(8192))), Some(12288));
        assert_eq!(bytes(HEAD), Some(0));
        assert_eq!(bytes(&format!("{HEAD}{}", &segment(4096)[..40])), Some(0), "a torn line");
        assert_eq!((bytes(""), bytes("key shmid perms\n1 2 3\n")), (None, None));
    }
}
