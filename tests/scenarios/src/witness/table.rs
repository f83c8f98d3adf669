//! The table of tasks. Its columns differ between kernels, so the heading is read for their names.

use crate::text::Text;

/// One task of the table (`dump_task`, <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L386>).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Row {
    /// Id of the task.
    pub pid: u32,
    /// Its user.
    pub uid: u32,
    /// Its process id.
    pub tgid: u32,
    /// Resident pages of all kinds.
    pub rss_pages: u64,
    /// Anonymous resident pages. Absent before 6.9.
    pub rss_anon_pages: Option<u64>,
    /// Bytes of page tables.
    pub pgtables_bytes: u64,
    /// Pages in swap.
    pub swap_pages: u64,
    /// Its `oom_score_adj`.
    pub oom_score_adj: i16,
    /// Its comm.
    pub comm: Text,
}

/// The columns of the heading. `None` if the line is not a heading.
pub(super) fn head(line: &str) -> Option<Vec<String>> {
    let rest = line.strip_prefix("[  pid  ]")?;
    Some(rest.split_ascii_whitespace().map(str::to_owned).collect())
}

impl Row {
    /// Parses a row below a heading with these columns. The last one is the name, which can contain anything.
    pub(super) fn parse(columns: &[String], line: &str) -> Option<Self> {
        let (pid, mut rest) = line.strip_prefix('[')?.split_once(']')?;
        let mut row = Self { pid: pid.trim().parse().ok()?, ..Self::default() };
        for column in columns {
            if column == "name" {
                row.comm = Text::from_chars(rest.strip_prefix(' ')?)?;
                break;
            }
            rest = rest.trim_start_matches(' ');
            let (number, after) = rest.split_at(rest.find(' ')?);
            row.set(column, number)?;
            rest = after;
        }
        Some(row)
    }

    fn set(&mut self, column: &str, number: &str) -> Option<()> {
        match column {
            "uid" => self.uid = number.parse().ok()?,
            "tgid" => self.tgid = number.parse().ok()?,
            "rss" => self.rss_pages = number.parse().ok()?,
            "rss_anon" => self.rss_anon_pages = Some(number.parse().ok()?),
            "pgtables_bytes" => self.pgtables_bytes = number.parse().ok()?,
            "swapents" => self.swap_pages = number.parse().ok()?,
            "oom_score_adj" => self.oom_score_adj = number.parse().ok()?,
            _ => {}
        }
        Some(())
    }

    /// The kernel's score without `oom_score_adj`, in pages
    /// (`oom_badness`, <https://github.com/torvalds/linux/blob/v6.12/mm/oom_kill.c#L230>).
    #[must_use]
    pub fn base_pages(&self, page_bytes: u64) -> u64 {
        self.rss_pages + self.swap_pages + self.pgtables_bytes / page_bytes
    }

    /// The pages that `oom_score_adj` adds to the score, in a domain of `total_pages`.
    #[must_use]
    pub fn adj_pages(&self, total_pages: u64) -> i64 {
        let per_unit = i64::try_from(total_pages / 1000).unwrap_or(i64::MAX);
        i64::from(self.oom_score_adj).saturating_mul(per_unit)
    }

    /// The whole score, in pages.
    #[must_use]
    pub fn points(&self, page_bytes: u64, total_pages: u64) -> i64 {
        let base = i64::try_from(self.base_pages(page_bytes)).unwrap_or(i64::MAX);
        base.saturating_add(self.adj_pages(total_pages))
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, head};

    #[test]
    fn reads_old_and_new_columns() {
        let old = head("[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name");
        let row = Row::parse(
            &old.unwrap(),
            "[     82]  1000    82   524910   106708   897024        7           100 hog",
        );
        let row = row.unwrap();
        assert_eq!((row.pid, row.uid, row.tgid, row.rss_pages), (82, 1000, 82, 106_708));
        assert_eq!((row.pgtables_bytes, row.swap_pages, row.oom_score_adj), (897_024, 7, 100));
        assert_eq!(row.comm.as_bytes(), b"hog");
        assert_eq!(row.base_pages(4096), 106_708 + 7 + 219);
        assert_eq!(row.points(4096, 9999), 106_708 + 7 + 219 + 100 * 9);

        let new = "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name";
        let line = "[    146]     0   146     2670     2532     2080        0       452    61440        0         -1000  a b";
        let row = Row::parse(&head(new).unwrap(), line).unwrap();
        assert_eq!((row.rss_pages, row.pgtables_bytes, row.oom_score_adj), (2532, 61_440, -1000));
        assert_eq!(row.comm.as_bytes(), b" a b");
    }
}
