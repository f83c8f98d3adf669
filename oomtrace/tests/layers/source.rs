//! The crate as modules, each with the paths in it.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;

use crate::paths::{Found, Named, read};

/// The modules that are compiled into the product, by their path.
pub(crate) struct Crate {
    pub(crate) modules: BTreeMap<Vec<String>, Module>,
    /// Names that `use` items give in a module: the module, the name, and what it stands for.
    names: BTreeMap<(Vec<String>, String), Vec<String>>,
}

/// One file.
pub(crate) struct Module {
    pub(crate) file: String,
    pub(crate) paths: Vec<Named>,
}

impl Crate {
    /// From the files below `src`, which `file` gives by their path: those that `lib.rs` and `main.rs` lead to.
    ///
    /// # Errors
    ///
    /// With the file that is missing or does not parse.
    pub(crate) fn read(file: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let mut krate = Self { modules: BTreeMap::new(), names: BTreeMap::new() };
        krate.take(&[], &["lib.rs"], &file)?;
        krate.take(&["main".to_owned()], &["main.rs"], &file)?;
        Ok(krate)
    }

    /// Takes a module, from the first of these files that exists, and those declared in it.
    fn take(
        &mut self,
        module: &[String],
        places: &[&str],
        file: &impl Fn(&str) -> Option<String>,
    ) -> Result<(), String> {
        let read_file = |place: &&str| Some(((*place).to_owned(), file(place)?));
        let (path, text) =
            places.iter().find_map(read_file).ok_or_else(|| format!("none of {places:?} exists"))?;
        let tokens: TokenStream = text.parse().map_err(|error| format!("{path}: {error}"))?;
        let mut found = Found::default();
        read(tokens, module, &mut found);
        let Found { paths, children } = found;
        for named in &paths {
            self.names.extend(named.gives.clone().map(|name| (name, named.path.clone())));
        }
        self.modules.insert(module.to_vec(), Module { file: path, paths });
        for child in children {
            let place = child.join("/");
            self.take(&child, &[&format!("{place}.rs"), &format!("{place}/mod.rs")], file)?;
        }
        Ok(())
    }

    /// The module that holds what a path names. What a module only passes on belongs to where that comes from.
    pub(crate) fn holder(&self, path: &[String]) -> Vec<String> {
        let mut path = path.to_vec();
        // A name may be passed on several times; a circle of names does not compile.
        for _ in 0..16 {
            let module = self.longest(&path);
            let Some(name) = path.get(module.len()) else { return module };
            let Some(stands_for) = self.names.get(&(module.clone(), name.clone())) else { return module };
            path = stands_for.iter().chain(path.iter().skip(module.len() + 1)).cloned().collect();
        }
        self.longest(&path)
    }

    fn longest(&self, path: &[String]) -> Vec<String> {
        let lengths = (0..=path.len()).rev();
        let known =
            lengths.filter_map(|length| path.get(..length)).find(|start| self.modules.contains_key(*start));
        known.unwrap_or_default().to_vec()
    }
}
