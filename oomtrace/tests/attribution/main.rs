//! Names read from cgroup paths: real paths and look-alikes, each with its source.
#![cfg(test)]

mod hostile;

use std::collections::BTreeSet;

use oomtrace::{attribute::Place, bytes::ByteString};

/// Paths of containers, pods, units, sessions and jobs.
const REAL: &str = include_str!("paths.tsv");

/// Paths that other tools took for containers, or that look almost like one.
const LOOK_ALIKES: &str = include_str!("look_alikes.tsv");

/// The rows of the table: the path, the expected names, and the source.
fn rows(table: &str) -> Vec<Vec<&str>> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split('\t').collect()).collect()
}

/// The names read from a path, in the words of the table.
fn read(path: &str) -> Vec<String> {
    let place = Place::of(path.as_bytes());
    let text = |bytes: &ByteString| String::from_utf8(bytes.as_bytes().to_vec()).unwrap();
    let container = place.container.map(|container| {
        format!("{}:{}", container.runtime.map_or("?", |runtime| runtime.name()), text(&container.id))
    });
    let pod = place.pod.map(|pod| format!("{}:{}", pod.qos.name(), pod.uid));
    let job = place.job.map(|job| format!("{}:{}", job.kind.name(), text(&job.id)));
    let [unit, slice, session] = [place.unit, place.slice, place.session].map(|name| name.as_ref().map(text));
    let uid = place.uid.map(|uid| uid.to_string());
    let cells = [container, pod, unit, slice, uid, session, job];
    cells.into_iter().map(|cell| cell.unwrap_or_else(|| "-".to_owned())).collect()
}

fn disagreements(table: &str) -> Vec<String> {
    let wrong = rows(table).into_iter().filter_map(|row| {
        let (path, expected) = (row[0], &row[1..8]);
        let found = read(path);
        (found != expected).then(|| format!("{path}\n  expected {expected:?}\n     found {found:?}"))
    });
    wrong.collect()
}

#[test]
fn reads_every_real_path_as_its_source_says() {
    let wrong = disagreements(REAL);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rejects_look_alikes_of_containers_and_jobs() {
    let wrong = disagreements(LOOK_ALIKES);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for row in rows(LOOK_ALIKES) {
        assert_eq!((row[1], row[7]), ("-", "-"), "{}", row[0]);
    }
}

#[test]
fn each_path_is_unique_and_names_its_source() {
    for (table, least) in [(REAL, 150), (LOOK_ALIKES, 40)] {
        let rows = rows(table);
        let paths: BTreeSet<&str> = rows.iter().map(|row| row[0]).collect();
        assert!(paths.len() == rows.len() && paths.len() >= least, "{} of {}", paths.len(), rows.len());
        assert!(rows.iter().all(|row| row.len() == 9 && row[8].starts_with("https://")));
    }
}

#[test]
fn names_the_outermost_container() {
    let [outer, inner] = ["a", "b"].map(|digit| digit.repeat(64));
    let of = |path: &str| Place::of(path.as_bytes()).container.unwrap();
    let alone = of(&format!("/docker/{outer}/init"));
    assert!(alone.is_outermost);
    assert_eq!(alone.cgroup, ByteString::from(format!("/docker/{outer}").as_str()));
    let nested = of(&format!("/docker/{outer}/docker/{inner}"));
    assert!(!nested.is_outermost && nested.id.as_bytes() == inner.as_bytes());
    let uid = "0d08203e-255a-11e9-8cd9-0007cb0b2cc8";
    let pod = |path: String| Place::of(path.as_bytes()).pod.unwrap();
    assert!(pod(format!("/kubepods/pod{uid}/{inner}")).is_outermost);
    assert!(!pod(format!("/docker/{outer}/kubepods/pod{uid}")).is_outermost);
}
