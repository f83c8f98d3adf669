//! The items that another crate can name.

use std::collections::{BTreeMap, BTreeSet};

use syn::{ImplItem, Item, Type, Visibility};

use crate::modules::{Crate, Path, child};

/// All public items that can be reached from `lib.rs`, with the public functions and constants of their types: `KIND PATH`. The
/// list is sorted by path.
pub(crate) fn public_items(krate: &Crate) -> Vec<String> {
    let mut items = BTreeSet::new();
    module(krate, &[], &[], &mut items);
    items.into_iter().map(|(path, kind)| format!("{kind} {path}")).collect()
}

type Items = BTreeSet<(String, &'static str)>;

/// Lists the public items of a module under a public path.
fn module(krate: &Crate, path: &[String], shown: &[String], to: &mut Items) {
    let Some(found) = krate.modules.get(path) else { return };
    for item in &found.items {
        if let Some((name, _)) = named(item).filter(|(_, visibility)| is_public(visibility)) {
            one(krate, path, &name, &child(shown, &name), to);
        }
    }
    for name in found.names.iter().filter(|name| name.is_public) {
        if name.name == "*" {
            module(krate, &name.target, shown, to);
        } else {
            reexport(krate, &name.target, &child(shown, &name.name), to);
        }
    }
}

/// Lists an item that a `pub use` names.
fn reexport(krate: &Crate, target: &[String], shown: &[String], to: &mut Items) {
    let (path, name) = resolve(krate, target);
    let before = to.len();
    one(krate, &path, &name, shown, to);
    if to.len() == before {
        // An item of another crate, or one that a macro defines.
        to.insert((shown.join("::"), "use"));
    }
}

/// Lists one item of a module, and what belongs to it.
fn one(krate: &Crate, path: &[String], name: &str, shown: &[String], to: &mut Items) {
    let items = krate.modules.get(path).map_or(&[][..], |module| module.items.as_slice());
    for item in items.iter().filter(|item| named(item).is_some_and(|(found, _)| found == name)) {
        to.insert((shown.join("::"), kind(item)));
        match item {
            Item::Mod(_) => module(krate, &child(path, name), shown, to),
            Item::Enum(_) | Item::Struct(_) => functions(krate, &child(path, name), shown, to),
            _ => {}
        }
    }
}

/// Lists the public functions and constants of a type, in whichever module they are.
fn functions(krate: &Crate, of: &[String], shown: &[String], to: &mut Items) {
    for item in krate.functions.get(of).into_iter().flatten() {
        match item {
            ImplItem::Fn(item) if is_public(&item.vis) => {
                to.insert((child(shown, &item.sig.ident.to_string()).join("::"), "fn"));
            }
            ImplItem::Const(item) if is_public(&item.vis) => {
                to.insert((child(shown, &item.ident.to_string()).join("::"), "const"));
            }
            _ => {}
        }
    }
}

/// The items of all `impl` blocks without a trait, by the path of their type.
pub(crate) fn by_type(krate: &Crate) -> BTreeMap<Path, Vec<ImplItem>> {
    let mut found: BTreeMap<Path, Vec<ImplItem>> = BTreeMap::new();
    for (path, module) in &krate.modules {
        for item in &module.items {
            let Item::Impl(block) = item else { continue };
            if let Some(of) = type_of(krate, path, &block.self_ty).filter(|_| block.trait_.is_none()) {
                found.entry(of).or_default().extend(block.items.iter().cloned());
            }
        }
    }
    found
}

/// The path of the type of an `impl` block in a module.
fn type_of(krate: &Crate, module: &[String], of: &Type) -> Option<Path> {
    let Type::Path(of) = of else { return None };
    let words: Path = of.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    let [name] = words.as_slice() else { return None };
    let (path, name) = resolve(krate, &child(module, name));
    Some(child(&path, &name))
}

/// Follows the imports of a name to the module that defines it.
fn resolve(krate: &Crate, path: &[String]) -> (Path, String) {
    let mut path = path.to_vec();
    loop {
        let Some((name, module)) = path.split_last() else { return (Vec::new(), String::new()) };
        let found = krate.modules.get(module);
        let next = found.and_then(|found| found.names.iter().find(|known| known.name == *name));
        // A path may lead through a module that another one reexports.
        let next = next.map(|next| next.target.clone()).filter(|next| *next != path);
        match next {
            Some(next) => path = next,
            None => return (module.to_vec(), name.clone()),
        }
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn kind(item: &Item) -> &'static str {
    match item {
        Item::Const(_) => "const",
        Item::Enum(_) => "enum",
        Item::Fn(_) => "fn",
        Item::Mod(_) => "mod",
        Item::Static(_) => "static",
        Item::Struct(_) => "struct",
        Item::Trait(_) => "trait",
        Item::Type(_) => "type",
        _ => "item",
    }
}

fn named(item: &Item) -> Option<(String, &Visibility)> {
    let (name, visibility) = match item {
        Item::Const(item) => (&item.ident, &item.vis),
        Item::Enum(item) => (&item.ident, &item.vis),
        Item::Fn(item) => (&item.sig.ident, &item.vis),
        Item::Mod(item) => (&item.ident, &item.vis),
        Item::Static(item) => (&item.ident, &item.vis),
        Item::Struct(item) => (&item.ident, &item.vis),
        Item::Trait(item) => (&item.ident, &item.vis),
        Item::Type(item) => (&item.ident, &item.vis),
        Item::Union(item) => (&item.ident, &item.vis),
        _ => return None,
    };
    Some((name.to_string(), visibility))
}
