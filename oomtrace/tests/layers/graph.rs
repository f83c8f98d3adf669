//! The imports between modules, by directory.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::Crate;

/// One import between two members of a directory. A member is a file, or a directory with everything in it.
#[derive(Debug)]
pub(crate) struct Edge {
    /// The directory as a module path. It is empty for `src`.
    directory: Vec<String>,
    from: String,
    to: String,
    /// File and line.
    place: String,
}

/// All imports between members of one directory. A directory's `mod.rs` and the files beside it may use each other: `mod.rs`
/// is the directory itself.
pub(crate) fn edges(krate: &Crate) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (from, module) in &krate.modules {
        for named in &module.paths {
            let place = format!("{}:{}", module.file, named.line);
            // A path through a module is an import of that module, even if the name only passes through it.
            let through = krate.holder(named.path.get(..1).unwrap_or_default());
            let holder = krate.holder(&named.path);
            let through = edge(from, &through, &place).filter(|_| through.first() != holder.first());
            edges.extend(through.into_iter().chain(edge(from, &holder, &place)));
        }
    }
    edges
}

fn edge(from: &[String], to: &[String], place: &str) -> Option<Edge> {
    let shared = from.iter().zip(to).take_while(|(from, to)| from == to).count();
    let (Some(member), Some(other)) = (from.get(shared), to.get(shared)) else { return None };
    let directory = from.get(..shared)?.to_vec();
    Some(Edge { directory, from: member.clone(), to: other.clone(), place: place.to_owned() })
}

/// Describes imports of a top-level module by one that is lower in the table.
pub(crate) fn upward(edges: &[Edge], layers: &[(&str, &str)]) -> Vec<String> {
    let layer = |name: &str| layers.iter().position(|(known, _)| *known == name);
    let top = edges.iter().filter(|edge| edge.directory.is_empty());
    let upward = top.filter(|edge| layer(&edge.from) < layer(&edge.to));
    let words = upward.map(|Edge { from, to, place, .. }| format!("{place}: {from} is below {to}"));
    words.collect::<BTreeSet<String>>().into_iter().collect()
}

/// Top-level modules without a layer, and layers without a module.
pub(crate) fn unlayered(krate: &Crate, layers: &[(&str, &str)]) -> Vec<String> {
    let modules: BTreeSet<&str> =
        krate.modules.keys().filter_map(|path| path.first()).map(String::as_str).collect();
    let layers: BTreeSet<&str> = layers.iter().map(|(name, _)| *name).collect();
    modules.symmetric_difference(&layers).map(|name| (*name).to_owned()).collect()
}

/// Members of a directory below `src` that import each other, directly or indirectly: `DIRECTORY: MEMBER, MEMBER`.
pub(crate) fn cycles(edges: &[Edge]) -> Vec<String> {
    let mut graphs: BTreeMap<String, BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for edge in edges.iter().filter(|edge| !edge.directory.is_empty()) {
        let graph = graphs.entry(edge.directory.join("/")).or_default();
        graph.entry(&edge.from).or_default().insert(&edge.to);
    }
    let mut cycles = BTreeSet::new();
    for (directory, graph) in &graphs {
        for member in graph.keys() {
            let above = reached(graph, member);
            let circle: Vec<&str> =
                above.into_iter().filter(|other| reached(graph, other).contains(member)).collect();
            if !circle.is_empty() {
                cycles.insert(format!("{directory}: {}", circle.join(", ")));
            }
        }
    }
    cycles.into_iter().collect()
}

/// All members that a member imports, directly or indirectly.
fn reached<'a>(graph: &BTreeMap<&'a str, BTreeSet<&'a str>>, member: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = graph.get(member).into_iter().flatten().copied().collect();
    while let Some(other) = next.pop() {
        if reached.insert(other) {
            next.extend(graph.get(other).into_iter().flatten().copied());
        }
    }
    reached
}
