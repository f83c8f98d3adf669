//! Lines in aligned columns.

use super::super::{Paint, sanitize::columns_of};

/// Columns of the sections' names.
const LABEL: usize = 12;
/// Columns of the names within a section.
const KEY: usize = 10;

/// A page of text to which lines are added. All text given to it must be safe.
pub(in crate::sink::terminal) struct Sheet {
    pub(in crate::sink::terminal) text: String,
    pub(in crate::sink::terminal) paint: Paint,
}

impl Sheet {
    /// A line across all columns.
    pub(in crate::sink::terminal) fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// The first line of a section, with its name.
    pub(in crate::sink::terminal) fn section(&mut self, label: &str, text: &str) {
        let gap = LABEL.saturating_sub(columns_of(label)).max(1);
        let line = format!("{}{}{text}", self.paint.bold(label), " ".repeat(gap));
        self.line(line.trim_end());
    }

    /// A further line of a section.
    pub(in crate::sink::terminal) fn more(&mut self, text: &str) {
        self.line(format!("{}{text}", " ".repeat(LABEL)).trim_end());
    }

    /// A further line of a section, with a name of its own.
    pub(in crate::sink::terminal) fn named(&mut self, key: &str, text: &str) {
        self.more(&format!("{}{}{text}", key, " ".repeat(KEY.saturating_sub(columns_of(key)).max(1))));
    }

    /// Rows of cells. All columns except the last are right-aligned.
    pub(in crate::sink::terminal) fn table<const COLUMNS: usize>(&mut self, rows: &[[String; COLUMNS]]) {
        let width = |column: usize| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell: &String| columns_of(cell)).max()
        };
        let widths: Vec<usize> = (0..COLUMNS).map(|column| width(column).unwrap_or(0)).collect();
        for row in rows {
            let mut line = String::new();
            for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let is_last = index + 1 == COLUMNS;
                let before = if is_last { 0 } else { width.saturating_sub(columns_of(cell)) };
                line.push_str(&" ".repeat(before));
                line.push_str(cell);
                line.push_str("  ");
            }
            self.more(line.trim_end());
        }
    }
}
