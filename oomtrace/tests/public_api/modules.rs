//! The crate as modules, each with its items and the names that it imports.

use std::collections::BTreeMap;

use quote::ToTokens as _;
use syn::{Attribute, ImplItem, Item, UseTree, Visibility};

use crate::items::by_type;

/// A path from the root of the crate, or one that begins with the name of another crate.
pub(crate) type Path = Vec<String>;

/// The modules of the library by path, without those that only tests contain.
#[derive(Default)]
pub(crate) struct Crate {
    pub(crate) modules: BTreeMap<Path, Module>,
    /// The items of all `impl` blocks without a trait, by the path of their type.
    pub(crate) functions: BTreeMap<Path, Vec<ImplItem>>,
}

/// The items of a module, without `use` items.
#[derive(Default)]
pub(crate) struct Module {
    pub(crate) items: Vec<Item>,
    pub(crate) names: Vec<Name>,
}

/// A name that a `use` item defines. It is `*` for all public names of a module.
pub(crate) struct Name {
    pub(crate) name: String,
    pub(crate) target: Path,
    pub(crate) is_public: bool,
}

impl Crate {
    /// Reads the files below `src` that `lib.rs` leads to. `file` returns the text of a path.
    ///
    /// # Errors
    ///
    /// Names the file that is missing or does not parse.
    pub(crate) fn read(file: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let mut krate = Self::default();
        krate.read_file(&[], &["lib.rs".to_owned()], &file)?;
        krate.functions = by_type(&krate);
        Ok(krate)
    }

    fn read_file(
        &mut self,
        module: &[String],
        places: &[String],
        file: &impl Fn(&str) -> Option<String>,
    ) -> Result<(), String> {
        let (place, text) = places
            .iter()
            .find_map(|place| Some((place, file(place)?)))
            .ok_or_else(|| format!("none of {places:?} exists"))?;
        let parsed = syn::parse_file(&text).map_err(|error| format!("{place}: {error}"))?;
        self.add(module, parsed.items, file)
    }

    fn add(
        &mut self,
        module: &[String],
        items: Vec<Item>,
        file: &impl Fn(&str) -> Option<String>,
    ) -> Result<(), String> {
        self.modules.entry(module.to_vec()).or_default();
        for item in items.into_iter().filter(|item| !is_for_tests(item)) {
            if let Item::Mod(inner) = &item {
                let path = child(module, &inner.ident.to_string());
                match &inner.content {
                    Some((_, items)) => self.add(&path, items.clone(), file)?,
                    None => {
                        let place = path.join("/");
                        self.read_file(&path, &[format!("{place}.rs"), format!("{place}/mod.rs")], file)?;
                    }
                }
            }
            let into = self.modules.entry(module.to_vec()).or_default();
            match item {
                Item::Use(item) => {
                    let is_public = matches!(item.vis, Visibility::Public(_));
                    names(&item.tree, &[], module, is_public, &mut into.names);
                }
                item => into.items.push(item),
            }
        }
        Ok(())
    }
}

/// The path of an item in a module.
pub(crate) fn child(module: &[String], name: &str) -> Path {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

fn names(tree: &UseTree, before: &[String], module: &[String], is_public: bool, to: &mut Vec<Name>) {
    let mut add = |name: String, last: &str| {
        let words = if last == "self" || last == "*" { before.to_vec() } else { child(before, last) };
        let name = if name == "self" { words.last().cloned().unwrap_or_default() } else { name };
        to.push(Name { name, target: from_root(&words, module), is_public });
    };
    match tree {
        UseTree::Path(path) => {
            let before = child(before, &path.ident.to_string());
            names(&path.tree, &before, module, is_public, to);
        }
        UseTree::Name(name) => add(name.ident.to_string(), &name.ident.to_string()),
        UseTree::Rename(name) => add(name.rename.to_string(), &name.ident.to_string()),
        UseTree::Glob(_) => add("*".to_owned(), "*"),
        UseTree::Group(group) => {
            group.items.iter().for_each(|tree| names(tree, before, module, is_public, to));
        }
    }
}

/// Converts the words of a path in a module to a path from the root of the crate.
pub(crate) fn from_root(words: &[String], module: &[String]) -> Path {
    let mut path = match words.first().map(String::as_str) {
        Some("self" | "super") => module.to_vec(),
        _ => Vec::new(),
    };
    for word in words {
        match word.as_str() {
            "crate" | "self" => {}
            "super" => drop(path.pop()),
            word => path.push(word.to_owned()),
        }
    }
    path
}

/// Whether an item is compiled for tests only. The feature `faults` belongs to the tests.
fn is_for_tests(item: &Item) -> bool {
    attributes(item).iter().any(|attribute| {
        let text = attribute.to_token_stream().to_string();
        let is_for_tests = text.contains("test") || text.contains("faults");
        attribute.path().is_ident("cfg") && is_for_tests && !text.contains("not")
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
