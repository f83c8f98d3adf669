//! The modules of the crate import downwards only, and the files of a directory do not import each other in a cycle.
//!
//! The test reads the crate's own source. It takes every path that begins with `crate`, `super` or `self`, in `use` items, in
//! code and inside macros. Code under `#[cfg(test)]` may import anything.

#![cfg(test)]

mod checker;
mod graph;
mod paths;
mod source;

use std::{fs, path::Path};

use self::{
    graph::{cycles, edges, unlayered, upward},
    source::Crate,
};

/// The top-level modules, the lowest first, each with the reason for its place. A module imports only those above it in this
/// table, so a new module needs one row.
const LAYERS: [(&str, &str); 34] = [
    ("bytes", "names and paths as the kernel has them, which every module holds"),
    ("size", "sizes as written on the command line and in a file"),
    ("exit", "exit statuses, which errors of every layer name"),
    ("cgroup", "the levels of a cgroup as the kernel side sends them"),
    ("badness", "the kernel's arithmetic on numbers alone"),
    ("faults", "the fault that a test requests; the faulty places are in the modules above"),
    ("trust", "which paths root may follow; knows file systems alone"),
    ("kernel", "the running kernel and this process; knows no frame"),
    ("frame", "the start of the road: header and bytes"),
    ("context", "the frames that user space adds, with facts of the kernel"),
    ("event", "the decoded content of a frame"),
    ("decode", "from a frame to an event"),
    ("incident", "one decision; made of facts of events and contexts"),
    ("assemble", "from events to incidents; does not judge"),
    ("attribute", "the container, pod or unit of a process; reads an incident"),
    ("redact", "hides parts of command lines; reads events, and knows titles"),
    ("account", "the users of the memory; reads an incident and its attribution"),
    ("lead_up", "the minutes before a decision; reads an incident and shares the account's words"),
    ("explain", "the cause; reads an incident and its attribution"),
    ("report", "the incident, the attribution and the verdict, for sinks"),
    ("forecast", "when memory would run out; pure, and reads curves as lead_up does"),
    ("rank", "who would die next; pure, like the three below"),
    ("diff", "two recordings compared, on reports"),
    ("whatif", "a decision decided again, on incidents and reports"),
    ("experiment", "the pure part of an experiment; asks whatif for predictions"),
    ("recording", "frames on disk; decodes what a new file must repeat"),
    ("source", "reads frames from the kernel or from a recording"),
    ("sink", "writes reports and answers; the only place with text"),
    ("pipeline", "the whole road, from a source to sinks"),
    ("client", "asks a running tracer; has the messages that the server also uses"),
    ("server", "consumers of reports that may block, on a thread of their own"),
    ("cli", "the command line; names codes, changes and shapes of the modules above"),
    ("cmd", "the commands, which use everything above"),
    ("main", "the program"),
];

fn file(path: &str) -> Option<String> {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path)).ok()
}

#[test]
fn every_module_has_a_layer() {
    assert_eq!(unlayered(&Crate::read(file).unwrap(), &LAYERS), Vec::<String>::new());
}

#[test]
fn modules_import_downwards_only() {
    let krate = Crate::read(file).unwrap();
    let edges = edges(&krate);
    assert!(edges.len() > 100, "the checker reads the crate: {}", edges.len());
    let upward = upward(&edges, &LAYERS);
    assert!(upward.is_empty(), "upward imports; the layers are in {}:\n{}", file!(), upward.join("\n"));
}

#[test]
fn files_of_a_directory_form_no_cycle() {
    let cycles = cycles(&edges(&Crate::read(file).unwrap()));
    assert_eq!(cycles, Vec::<String>::new(), "files that import each other:\n{}", cycles.join("\n"));
}

#[test]
fn one_upward_import_in_the_crate_is_found() {
    let with_one = |path: &str| {
        let text = file(path)?;
        Some(if path == "assemble/mod.rs" { format!("{text}\nuse crate::report::Report;\n") } else { text })
    };
    let upward = upward(&edges(&Crate::read(with_one).unwrap()), &LAYERS);
    assert_eq!(upward.len(), 1, "{upward:?}");
    assert!(upward.iter().all(|said| said.starts_with("assemble/mod.rs:")), "{upward:?}");
    assert!(upward.iter().all(|said| said.ends_with("assemble is below report")), "{upward:?}");
}
