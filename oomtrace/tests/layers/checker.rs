//! Tests of the checker itself on small crates.

use crate::{
    graph::{cycles, edges, unlayered, upward},
    source::Crate,
};

const LAYERS: [(&str, &str); 2] = [("low", "the lower one"), ("high", "the upper one")];

/// A crate with these files, and with `low` and `high` in `lib.rs`.
fn krate(files: &[(&str, &str)]) -> Crate {
    let lib = ("lib.rs", "pub mod low; pub mod high;");
    let known = |path: &str| files.iter().chain([&lib]).find(|(name, _)| *name == path);
    let read = Crate::read(|path| {
        let empty = ["low.rs", "high.rs", "main.rs"].contains(&path).then(String::new);
        known(path).map(|(_, text)| (*text).to_owned()).or(empty)
    });
    read.unwrap()
}

/// The errors of a crate whose lower module has this text.
fn said(low: &str) -> Vec<String> {
    upward(&edges(&krate(&[("low.rs", low)])), &LAYERS)
}

#[test]
fn finds_each_spelling_of_an_upward_import() {
    for low in [
        "use crate::high;",
        "use crate::high::Thing;",
        "use crate::{high::Thing, low};",
        "use {crate::high::Thing};",
        "use crate::{self, high as other};",
        "pub use crate::high::*;",
        "use super::high::Thing;",
        "fn f() { crate::high::f() }",
        "fn f() -> super::high::Thing { make() }",
        "fn f() { println!(\"{}\", crate::high::f::<u8>()) }",
        "mod inner { use super::super::high::Thing; }",
        "#[cfg(any(test, feature = \"faults\"))] use crate::high::Thing;",
    ] {
        assert_eq!(said(low), ["low.rs:1: low is below high"], "{low}");
    }
}

#[test]
fn reports_the_line() {
    assert_eq!(said("//! Low.\n\nuse crate::{\n    high::Thing,\n};\n"), ["low.rs:4: low is below high"]);
}

#[test]
fn accepts_paths_that_import_nothing_upward() {
    for low in [
        "// use crate::high;",
        "/// As [`crate::high::Thing`].\nfn f() { \"crate::high\"; }",
        "#[cfg(test)]\nmod tests { use crate::high::Thing; }",
        "#[cfg(test)]\nuse crate::high::Thing;",
        "#[cfg(test)]\nuse crate::{low, high::Thing};\nfn f() {}",
        "#[cfg(test)]\nmod tests;",
        "pub(in crate::high) fn f() {}",
        "mod high { pub fn f() {} }\nuse self::high::f;",
        "use std::high::Thing;",
    ] {
        assert_eq!(said(low), Vec::<String>::new(), "{low}");
    }
}

#[test]
fn continues_after_test_code() {
    for before in
        ["use crate::low::{A, B};", "mod tests { fn f() {} }", "const A: B = B { c: 1 };", "fn f() {}"]
    {
        assert_eq!(said(&format!("#[cfg(test)] {before} use crate::high::Thing;")).len(), 1, "{before}");
    }
}

#[test]
fn follows_reexported_names() {
    let files = [("low.rs", "use crate::high::Thing;"), ("high.rs", "pub use crate::low::Thing;")];
    assert_eq!(upward(&edges(&krate(&files)), &LAYERS), ["low.rs:1: low is below high"]);
}

#[test]
fn accepts_downward_imports() {
    let downward = [("high.rs", "use crate::low::Thing;"), ("main.rs", "use oomtrace::high::Thing;")];
    let layers = [LAYERS[0], LAYERS[1], ("main", "the program")];
    let krate = krate(&downward);
    assert_eq!(upward(&edges(&krate), &layers), Vec::<String>::new());
    assert_eq!(unlayered(&krate, &layers), Vec::<String>::new());
}

#[test]
fn requires_a_layer_for_each_module_and_a_module_for_each_layer() {
    let layers = [LAYERS[0], ("main", "the program"), ("gone", "no module has this name")];
    assert_eq!(unlayered(&krate(&[]), &layers), ["gone", "high"]);
}

#[test]
fn finds_a_cycle_of_files_through_names_of_their_directory() {
    let files = [
        ("low.rs", "mod a; mod b; mod c; pub use self::{a::A, b::{B as Other}}; use self::c::C;"),
        ("low/a.rs", "use super::Other;"),
        ("low/b.rs", "use crate::low::c;"),
        ("low/c.rs", "fn f() { super::A }"),
    ];
    assert_eq!(cycles(&edges(&krate(&files))), ["low: a, b, c"]);
}

#[test]
fn accepts_files_that_import_one_way_and_from_their_directory() {
    let files = [
        ("low.rs", "mod a; mod b; pub use self::a::A; pub struct Own;"),
        ("low/a.rs", "use super::Own;"),
        ("low/b.rs", "use super::{A, Own, a};"),
    ];
    assert_eq!(cycles(&edges(&krate(&files))), Vec::<String>::new());
}
