//! Reads tables of the file key by key. Keys that were not read are reported as unknown, and every problem has its line.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{experiment::plan::Setting, size};

/// A problem of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, counted from 1.
    pub line: usize,
    /// The problem, and how to fix it.
    pub what: String,
}

/// The text and the problems found in it so far.
pub(super) struct Problems<'a> {
    text: &'a str,
    pub(super) found: Vec<Problem>,
}

impl<'a> Problems<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, found: Vec::new() }
    }

    pub(super) fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }

    pub(super) fn add(&mut self, line: usize, what: impl Into<String>) {
        self.found.push(Problem { line, what: what.into() });
    }
}

/// A table that is being read.
pub(super) struct Table<'t, 'i> {
    table: &'t DeTable<'i>,
    asked: Vec<&'static str>,
    /// Its name in messages.
    what: String,
    /// The line of the table.
    pub(super) line: usize,
}

/// A key's value with its line.
pub(super) struct Field<'t, 'i> {
    pub(super) value: &'t DeValue<'i>,
    pub(super) line: usize,
}

impl<'t, 'i> Table<'t, 'i> {
    pub(super) fn new(table: &'t DeTable<'i>, what: impl Into<String>, line: usize) -> Self {
        Self { table, asked: Vec::new(), what: what.into(), line }
    }

    /// The value of a key, if the table has it.
    pub(super) fn field(&mut self, key: &'static str, problems: &Problems<'_>) -> Option<Field<'t, 'i>> {
        self.asked.push(key);
        let (name, value) = self.table.iter().find(|(name, _)| name.get_ref() == key)?;
        Some(Field { value: value.get_ref(), line: problems.line(name.span().start) })
    }

    /// Reads a text.
    pub(super) fn text(&mut self, key: &'static str, problems: &mut Problems<'_>) -> Option<(String, usize)> {
        let Field { value, line } = self.field(key, problems)?;
        let text = value.as_str().filter(|text| !text.is_empty());
        if text.is_none() {
            problems.add(line, format!("`{key}` is a text in quotes, and not empty"));
        }
        Some((text?.to_owned(), line))
    }

    /// Reads a whole number within bounds.
    pub(super) fn number(
        &mut self,
        key: &'static str,
        range: std::ops::RangeInclusive<i64>,
        problems: &mut Problems<'_>,
    ) -> Option<i64> {
        let Field { value, line } = self.field(key, problems)?;
        let number = integer(value).filter(|number| range.contains(number));
        if number.is_none() {
            let (first, last) = range.into_inner();
            problems.add(line, format!("`{key}` is a whole number from {first} to {last}"));
        }
        number
    }

    /// Reads `true` or `false`.
    pub(super) fn switch(&mut self, key: &'static str, problems: &mut Problems<'_>) -> Option<bool> {
        let Field { value, line } = self.field(key, problems)?;
        if value.as_bool().is_none() {
            problems.add(line, format!("`{key}` is true or false"));
        }
        value.as_bool()
    }

    /// Reads a size: a number of bytes, or a text such as "64M".
    pub(super) fn size(&mut self, key: &'static str, problems: &mut Problems<'_>) -> Option<(u64, usize)> {
        let Field { value, line } = self.field(key, problems)?;
        match size(value) {
            Some(bytes) => Some((bytes, line)),
            None => {
                problems.add(
                    line,
                    format!("`{key}` is a size: a number of bytes, or a text such as \"64M\" or \"2G\""),
                );
                None
            }
        }
    }

    /// Reads the tables of an array `[[key]]`.
    pub(super) fn tables(&mut self, key: &'static str, problems: &mut Problems<'_>) -> Vec<Table<'t, 'i>> {
        let Some(Field { value, line }) = self.field(key, problems) else { return Vec::new() };
        let Some(array) = value.as_array() else {
            problems.add(line, format!("`{key}` is written as [[{key}]], once for each"));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for element in array.iter() {
            let line = problems.line(element.span().start);
            match element.get_ref().as_table() {
                Some(table) => tables.push(Table::new(table, format!("[[{key}]]"), line)),
                None => problems.add(line, format!("`{key}` is written as [[{key}]], once for each")),
            }
        }
        tables
    }

    /// Reads the members of a table, by name.
    pub(super) fn members(
        &mut self,
        key: &'static str,
        problems: &mut Problems<'_>,
    ) -> Vec<(String, Field<'t, 'i>)> {
        let Some(Field { value, line }) = self.field(key, problems) else { return Vec::new() };
        let Some(table) = value.as_table() else {
            problems.add(line, format!("`{key}` is a table"));
            return Vec::new();
        };
        members(table, problems)
    }

    /// Reads names and values of kernel settings.
    pub(super) fn settings(&mut self, key: &'static str, problems: &mut Problems<'_>) -> Vec<Setting> {
        let members = self.members(key, problems);
        members.into_iter().filter_map(|(name, field)| setting(name, &field, problems)).collect()
    }

    /// Reports every key that was not read.
    pub(super) fn done(self, problems: &mut Problems<'_>) {
        for name in self.table.keys() {
            if !self.asked.contains(&name.get_ref().as_ref()) {
                let line = problems.line(name.span().start);
                let known = self.asked.join(", ");
                problems.add(line, format!("{} has no key `{}`; it has {known}", self.what, name.get_ref()));
            }
        }
    }
}

/// The members of a table, by name.
pub(super) fn members<'t, 'i>(
    table: &'t DeTable<'i>,
    problems: &Problems<'_>,
) -> Vec<(String, Field<'t, 'i>)> {
    let member = |(name, value): (&Spanned<std::borrow::Cow<'i, str>>, &'t Spanned<DeValue<'i>>)| {
        let line = problems.line(name.span().start);
        (name.get_ref().to_string(), Field { value: value.get_ref(), line })
    };
    table.iter().map(member).collect()
}

/// Reads a value for the kernel: a number, a switch or a text.
pub(super) fn setting(name: String, field: &Field<'_, '_>, problems: &mut Problems<'_>) -> Option<Setting> {
    let text = field.value.as_str().map(str::to_owned);
    let switch = || field.value.as_bool().map(|on| u8::from(on).to_string());
    let value = text.or_else(switch).or_else(|| integer(field.value).map(|number| number.to_string()));
    if value.is_none() {
        problems.add(field.line, format!("`{name}` gets a number, true or false, or a text"));
    }
    Some(Setting { name, value: value?, line: field.line })
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn size(value: &DeValue<'_>) -> Option<u64> {
    let bytes = match value.as_str() {
        Some(text) => size::bytes(text).ok(),
        None => integer(value).and_then(|number| u64::try_from(number).ok()),
    };
    bytes.filter(|bytes| *bytes > 0)
}
