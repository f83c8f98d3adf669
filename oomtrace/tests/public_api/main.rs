//! The public items of the library are those listed in `docs/library.md`.
//!
//! The test reads the crate's own source from `lib.rs` on. `OOMTRACE_WRITE_API=1 cargo test -p oomtrace --test public_api` writes
//! the list.

#![cfg(test)]
#![expect(clippy::wildcard_enum_match_arm, reason = "the parser may add kinds of items")]

mod items;
mod modules;

use std::{env, fs, path::Path};

use self::{items::public_items, modules::Crate};

/// The environment variable that makes the test write the list.
const WRITE: &str = "OOMTRACE_WRITE_API";

const DOC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/library.md");

/// The line before the list, and the line after it.
const FENCE: [&str; 2] = ["```text\n", "```\n"];

fn file(path: &str) -> Option<String> {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path)).ok()
}

/// The document's text before the list, the list, and the text after it.
fn document() -> (String, Vec<String>, String) {
    let text = fs::read_to_string(DOC).unwrap();
    let (before, rest) = text.split_once(FENCE[0]).unwrap();
    let (list, after) = rest.split_once(FENCE[1]).unwrap();
    (before.to_owned(), list.lines().map(str::to_owned).collect(), after.to_owned())
}

fn missing(from: &[String], items: &[String]) -> Vec<String> {
    items.iter().filter(|item| !from.contains(item)).cloned().collect()
}

#[test]
fn document_lists_every_public_item() {
    let items = public_items(&Crate::read(file).unwrap());
    let (before, listed, after) = document();
    if env::var_os(WRITE).is_some() {
        let [begin, end] = FENCE;
        fs::write(DOC, format!("{before}{begin}{}\n{end}{after}", items.join("\n"))).unwrap();
        return;
    }
    let (added, removed) = (missing(&listed, &items), missing(&items, &listed));
    let advice = format!("if that is meant, run this test with {WRITE}=1");
    assert!(added.is_empty(), "public, but not in docs/library.md: {added:#?}; {advice}");
    assert!(removed.is_empty(), "in docs/library.md, but not public: {removed:#?}; {advice}");
}

/// The difference that a change of one file makes.
fn change(path: &str, from: &str, to: &str) -> (Vec<String>, Vec<String>) {
    let changed = |name: &str| {
        let text = file(name)?;
        if name != path {
            return Some(text);
        }
        assert!(text.contains(from), "{path} contains {from}");
        Some(text.replacen(from, to, 1))
    };
    let before = public_items(&Crate::read(file).unwrap());
    let after = public_items(&Crate::read(changed).unwrap());
    (missing(&before, &after), missing(&after, &before))
}

#[test]
fn finds_an_added_item_behind_a_reexport() {
    let with_two = "impl Announcement {\n    pub fn twice() {}\n    fn hidden() {}";
    let (added, removed) = change("forecast/announcement.rs", "impl Announcement {", with_two);
    assert_eq!((added, removed), (vec!["fn forecast::Announcement::twice".to_owned()], vec![]));
}

#[test]
fn finds_an_item_that_is_no_longer_public() {
    let (added, removed) = change("decode.rs", "pub fn decode(", "fn decode(");
    assert_eq!((added, removed), (vec![], vec!["fn decode::decode".to_owned()]));
}

#[test]
fn ignores_public_items_of_private_modules() {
    let (added, removed) = change("badness.rs", "pub(crate) fn", "pub fn");
    assert_eq!((added, removed), (vec![], vec![]));
}
