//! A table of incidents, one per line. Columns have a fixed width, so a line can be written before the next one is known. On a
//! narrow terminal, some columns are left out.

use std::io::{self, Write};

use unicode_width::UnicodeWidthChar as _;

use super::{
    Paint,
    sanitize::{columns_of, cut, cut_front, quoted, sentence},
    units::{ABSENT, boot_seconds, or_absent, size},
};
use crate::{
    bytes::ByteString,
    explain::{Code, Confidence, Outcome},
    report::{Chosen, InChain, Row},
    sink::place::label,
};

/// Columns of the name of a task: it has at most 15 bytes, so only escapes are cut.
const NAME_COLUMNS: usize = 16;

/// Columns of a cgroup's path, the last ones: at most and at least.
const PATH_COLUMNS: usize = 56;
const PATH_LEAST: usize = 10;

/// Columns of the place in a chain; a larger one moves what follows.
const CHAIN_COLUMNS: usize = 6;

/// Widths of all columns but the last; from the right where negative.
const WIDTHS: [(usize, Side); 9] = [
    (7, Side::Right),
    (19, Side::Left),
    (20, Side::Left),
    (13, Side::Left),
    (NAME_COLUMNS, Side::Left),
    (8, Side::Right),
    (10, Side::Right),
    (5, Side::Right),
    (CHAIN_COLUMNS, Side::Left),
];

const HEAD: [&str; 10] =
    ["#", "TIME (UTC)", "CAUSE", "OUTCOME", "VICTIM", "PID", "RESIDENT", "ADJ", "CHAIN", "CGROUP"];

/// The gap between two columns.
const GAP: &str = "  ";

/// The columns to drop on a narrow terminal, the least important first.
const LEFT_OUT_FIRST: [&str; 5] = ["ADJ", "OUTCOME", "RESIDENT", "CHAIN", "PID"];

#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
}

/// Writes rows under a heading.
pub struct List<W> {
    output: W,
    paint: Paint,
    begun: bool,
    /// Which columns are shown.
    shown: [bool; 10],
    path_columns: usize,
}

impl<W: Write> List<W> {
    /// Creates a table for this output, with its number of columns if it is known.
    pub fn new(output: W, colour: bool, columns: Option<usize>) -> Self {
        let mut shown = [true; 10];
        let room = columns.unwrap_or(usize::MAX);
        for head in LEFT_OUT_FIRST {
            if taken(&shown) + PATH_LEAST > room {
                HEAD.iter()
                    .zip(&mut shown)
                    .filter(|(of, _)| **of == head)
                    .for_each(|(_, shown)| *shown = false);
            }
        }
        let path_columns = room.saturating_sub(taken(&shown)).clamp(PATH_LEAST, PATH_COLUMNS);
        Self { output, paint: Paint { colour }, begun: false, shown, path_columns }
    }

    /// Writes a row, and the heading before the first one.
    ///
    /// # Errors
    ///
    /// If the output cannot be written.
    pub fn row(&mut self, row: &Row) -> io::Result<()> {
        if !self.begun {
            self.begun = true;
            let head = self.line(&HEAD.map(str::to_owned));
            writeln!(self.output, "{}", self.paint.bold(&head))?;
        }
        writeln!(self.output, "{}", self.line(&cells(row, self.path_columns)))
    }

    fn line(&self, cells: &[String; 10]) -> String {
        let (last, others) = cells.split_last().map_or(("", cells.as_slice()), |(last, rest)| (last, rest));
        let mut line = String::new();
        let shown = others.iter().zip(WIDTHS).zip(self.shown).filter(|(_, shown)| *shown);
        for ((cell, (width, side)), _) in shown {
            let space = " ".repeat(width.saturating_sub(columns_of(cell)));
            match side {
                Side::Left => line.extend([cell, space.as_str(), GAP]),
                Side::Right => line.extend([space.as_str(), cell, GAP]),
            }
        }
        line + last
    }

    /// Hands over what was written.
    ///
    /// # Errors
    ///
    /// If the output cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Columns before the last one.
fn taken(shown: &[bool; 10]) -> usize {
    WIDTHS.iter().zip(shown).filter(|(_, shown)| **shown).map(|((width, _), _)| width + GAP.len()).sum()
}

fn cells(row: &Row, path_columns: usize) -> [String; 10] {
    let victim = row.victim.as_ref();
    let of = |tell: fn(&Chosen) -> String| victim.map_or_else(|| ABSENT.to_owned(), tell);
    [
        row.number.to_string(),
        when(row),
        cause(row.cause, row.confidence),
        outcome(row),
        of(|victim| {
            let comm = victim.name.comm.as_ref();
            comm.map_or_else(|| ABSENT.to_owned(), |comm| quoted(&cut(comm.as_bytes(), NAME_COLUMNS)))
        }),
        of(|victim| or_absent(victim.name.pid)),
        of(|victim| or_absent(victim.resident_bytes.map(size))),
        of(|victim| or_absent(victim.oom_score_adj)),
        row.chain.as_ref().map(in_chain).unwrap_or_default(),
        place(row, path_columns),
    ]
}

/// The time to the second: the first 19 characters of RFC 3339, without `T`. Time since boot if the wall clock is not known.
fn when(row: &Row) -> String {
    let seconds = row.time.as_deref().and_then(|time| time.get(..19));
    seconds.map_or_else(
        || format!("boot {}", boot_seconds(row.boot_ns)),
        |time| sentence(time).replace('T', " "),
    )
}

/// The cause, with a tilde if it was inferred.
fn cause(code: Code, confidence: Confidence) -> String {
    match confidence {
        Confidence::Observed => code.name().to_owned(),
        Confidence::Inferred => format!("~{}", code.name()),
    }
}

/// The number of the first incident of the chain, and the position in the chain.
fn in_chain(chain: &InChain) -> String {
    format!("{}.{}", or_absent(chain.number), chain.position)
}

/// The outcome, and the number of victims if there are several.
fn outcome(row: &Row) -> String {
    let word = match row.outcome {
        Some(Outcome::Killed) => "killed",
        Some(Outcome::GroupKilled) => "group",
        Some(Outcome::MarkedOnly) => "marked",
        Some(Outcome::NoKill) => "no kill",
        None => ABSENT,
    };
    if row.victims > 1 { format!("{word} ({})", row.victims) } else { word.to_owned() }
}

/// The container, pod or unit, and the cgroup that ran out, or the victim's cgroup if no cgroup ran out.
fn place(row: &Row, columns: usize) -> String {
    let path = path(row, columns);
    match label(&row.place) {
        // On a narrow terminal, the part of the path that fits after a name is useless.
        Some(label) if columns < PATH_COLUMNS => cut_safe(&label, columns),
        Some(label) => format!("{label}  {path}"),
        None => path,
    }
}

/// Safe text with at most this many columns.
fn cut_safe(text: &str, columns: usize) -> String {
    if columns_of(text) <= columns {
        return text.to_owned();
    }
    let mut room = columns.saturating_sub(1);
    let fits = |character: &char| match room.checked_sub(character.width().unwrap_or(0)) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

/// The path alone.
fn path(row: &Row, columns: usize) -> String {
    let shown = |path: &ByteString, columns| quoted(&cut_front(path.as_bytes(), columns));
    let of_victim = || {
        let path = row.victim.as_ref()?.cgroup.as_ref()?;
        Some(format!("({})", shown(path, columns - 2)))
    };
    row.cgroup
        .as_ref()
        .map(|path| shown(path, columns))
        .or_else(of_victim)
        .unwrap_or_else(|| ABSENT.to_owned())
}

#[cfg(test)]
mod tests {
    use super::List;
    use crate::{
        report::{InChain, Row},
        sink::terminal::{example, sanitize::columns_of},
    };

    fn told(rows: &[Row]) -> String {
        told_in(None, rows)
    }

    fn told_in(columns: Option<usize>, rows: &[Row]) -> String {
        let mut output = Vec::new();
        let mut list = List::new(&mut output, false, columns);
        rows.iter().for_each(|row| list.row(row).unwrap());
        list.flush().unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn columns_are_aligned_and_the_heading_comes_once() {
        let mut many = Row::of(1_000_000, &example::memcg_kill());
        many.victims = 12;
        let mut second = Row::of(2, &example::tracepoint_kill());
        second.chain = Some(InChain { id: "1".to_owned(), number: Some(1), position: 2, since_ns: 1 });
        let rows = [Row::of(1, &example::memcg_kill()), second, many];
        let expected = [
            "      #  TIME (UTC)           CAUSE                 OUTCOME        VICTIM                 PID    RESIDENT    ADJ  CHAIN   CGROUP",
            "      1  2026-01-02 03:04:05  memcg_limit           killed         python3                812    61.9 MiB      0          /kubepods/pod7",
            "      2  boot 71.000002       ~memcg_limit          -              hog                    900           -      -  1.2     /job",
            "1000000  2026-01-02 03:04:05  memcg_limit           killed (12)    python3                812    61.9 MiB      0          /kubepods/pod7",
        ];
        assert_eq!(told(&rows).lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_narrow_terminal_is_not_overrun() {
        let rows = [Row::of(1, &example::memcg_kill()), Row::of(2, &example::tracepoint_kill())];
        let expected = [
            "      #  TIME (UTC)           CAUSE                 VICTIM            CGROUP",
            "      1  2026-01-02 03:04:05  memcg_limit           python3           …pods/pod7",
            "      2  boot 71.000002       ~memcg_limit          hog               /job",
        ];
        let narrow = told_in(Some(80), &rows);
        assert_eq!(narrow.lines().collect::<Vec<_>>(), expected);
        for columns in 80..200 {
            let text = told_in(Some(columns), &rows);
            assert!(text.lines().all(|line| columns_of(line) <= columns), "{columns}: {text}");
        }
        assert_eq!(told_in(Some(200), &rows), told(&rows));
    }

    #[test]
    fn hostile_names_stay_in_their_line() {
        let text = told(&[Row::of(1, &example::hostile_kill())]);
        assert_eq!(text.lines().count(), 2, "{text:?}");
        assert!(text.chars().all(|character| !character.is_control() || character == '\n'), "{text:?}");
        assert!(text.lines().all(|line| columns_of(line) <= 200), "{text:?}");
    }

    #[test]
    fn nothing_is_no_heading_and_a_failing_output_an_error() {
        assert_eq!(told(&[]), "");
        assert!(List::new(example::Broken, false, None).row(&Row::of(1, &example::memcg_kill())).is_err());
    }
}
