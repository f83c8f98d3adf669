//! The crate as modules, each with its paths.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;

use crate::paths::{Found, Named, read};

/// The modules of the product, by path.
pub(crate) struct Crate {
    pub(crate) modules: BTreeMap<Vec<String>, Module>,
    /// Names that `use` items define in a module: the module, the name, and the path that it stands for.
    names: BTreeMap<(Vec<String>, String), Vec<String>>,
}

/// One file.
pub(crate) struct Module {
    pub(crate) file: String,
    pub(crate) paths: Vec<Named>,
}

impl Crate {
    /// Reads the files below `src` that `lib.rs` and `main.rs` lead to. `file` returns the text of a path.
    ///
    /// # Errors
    ///
    /// Names the file that is missing or does not parse.
    pub(crate) fn read(file: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let mut krate = Self { modules: BTreeMap::new(), names: BTreeMap::new() };
        krate.take(&[], &["lib.rs"], &file)?;
        krate.take(&["main".to_owned()], &["main.rs"], &file)?;
        Ok(krate)
    }

    /// Reads a module from the first of these files that exists, and the modules declared in it.
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

    /// The module that defines the item of a path. A reexported item belongs to the module that defines it.
    pub(crate) fn holder(&self, path: &[String]) -> Vec<String> {
        let mut path = path.to_vec();
        // A name may be reexported several times. A cycle of names does not compile.
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
