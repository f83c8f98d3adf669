//! The crates that are compiled into the program for one platform, as `cargo metadata` resolves them.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    path::Path,
    process::Command,
};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Checksums;
use crate::host::run::output;

/// The used part of `cargo metadata`: <https://doc.rust-lang.org/cargo/commands/cargo-metadata.html>
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// `dev` or `build`. Absent for a normal dependency.
    kind: Option<String>,
}

/// The program's crate and its dependencies, without those of build scripts and tests.
pub(super) struct Crates {
    packages: BTreeMap<String, Package>,
    /// The dependencies of each crate, as references.
    graph: BTreeMap<String, BTreeSet<String>>,
}

impl Crates {
    /// Reads them from cargo.
    pub(super) fn read(root: &Path, triple: &str) -> Result<Self> {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(root).args([
            "metadata",
            "--locked",
            "--format-version=1",
            "--filter-platform",
            triple,
        ]);
        cargo.args(["--manifest-path", "oomtrace/Cargo.toml"]);
        Self::parse(&output(&mut cargo)?)
    }

    fn parse(text: &str) -> Result<Self> {
        let Metadata { packages, resolve } =
            serde_json::from_str(text).context("cannot parse the output of cargo metadata")?;
        let by_id: BTreeMap<&str, &Package> =
            packages.iter().map(|package| (package.id.as_str(), package)).collect();
        let nodes: BTreeMap<&str, &Node> =
            resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let root = packages
            .iter()
            .find(|package| package.name == "oomtrace")
            .context("cargo metadata has no crate oomtrace")?;
        let mut graph = BTreeMap::new();
        let mut open = vec![root.id.as_str()];
        while let Some(id) = open.pop() {
            let package = by_id.get(id).with_context(|| format!("cargo metadata has no package {id}"))?;
            let wanted: Vec<&str> = nodes.get(id).map(|node| compiled_in(node)).unwrap_or_default();
            let references = wanted.iter().filter_map(|id| by_id.get(id)).map(|package| package.reference());
            if graph.insert(package.reference(), references.collect()).is_none() {
                open.extend(wanted);
            }
        }
        let packages = packages.into_iter().map(|package| (package.reference(), package));
        Ok(Self {
            packages: packages.filter(|(reference, _)| graph.contains_key(reference)).collect(),
            graph,
        })
    }

    /// The list of components, without the program itself.
    pub(super) fn components(&self, checksums: &Checksums) -> Vec<Value> {
        let others = self.packages.iter().filter(|(_, package)| package.name != "oomtrace");
        others.map(|(reference, package)| component(reference, package, checksums)).collect()
    }

    /// The dependencies between the components.
    pub(super) fn dependencies(&self) -> Vec<Value> {
        self.graph.iter().map(|(reference, on)| json!({ "ref": reference, "dependsOn": on })).collect()
    }
}

impl Package {
    fn reference(&self) -> String {
        reference(&self.name, &self.version)
    }
}

/// The package URL of a crate: <https://github.com/package-url/purl-spec>
pub(super) fn reference(name: &str, version: &str) -> String {
    format!("pkg:cargo/{name}@{version}")
}

fn compiled_in(node: &Node) -> Vec<&str> {
    let is_normal = |dependency: &&Dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
    node.deps.iter().filter(is_normal).map(|dependency| dependency.pkg.as_str()).collect()
}

fn component(reference: &str, package: &Package, checksums: &Checksums) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": reference,
        "name": package.name,
        "version": package.version,
        "purl": reference,
    });
    if let (Some(license), Some(object)) = (&package.license, component.as_object_mut()) {
        // Old crates write a slash for OR.
        object.insert("licenses".to_owned(), json!([{ "expression": license.replace('/', " OR ") }]));
    }
    if let (Some(sum), Some(object)) =
        (checksums.of(&package.name, &package.version), component.as_object_mut())
    {
        object.insert("hashes".to_owned(), json!([{ "alg": "SHA-256", "content": sum }]));
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::workspace;

    #[test]
    fn lists_exactly_the_compiled_crates() {
        let crates = Crates::read(&workspace::root(), "aarch64-unknown-linux-gnu").unwrap();
        let names: BTreeSet<&str> = crates.packages.values().map(|package| package.name.as_str()).collect();
        assert!(names.is_superset(&["oomtrace", "oomtrace-common", "aya", "clap"].into()), "{names:?}");
        // Crates of a build script, of a test, and of another operating system.
        for other in ["oomtrace-object", "tempfile", "windows-sys", "clap_mangen"] {
            assert!(!names.contains(other), "{other}");
        }
    }

    #[test]
    fn contains_no_directory_of_this_machine() {
        let crates = Crates::read(&workspace::root(), "x86_64-unknown-linux-gnu").unwrap();
        let checksums = Checksums::read(&workspace::root().join("Cargo.lock")).unwrap();
        let text = json!([crates.components(&checksums), crates.dependencies()]).to_string();
        assert!(text.contains("pkg:cargo/aya@") && text.contains("SHA-256"), "{text}");
        assert!(!text.contains(&workspace::root().display().to_string()), "{text}");
    }
}
