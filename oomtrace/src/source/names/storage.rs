//! Reads `containers.json` of the storage that podman and CRI-O share: the names of containers and of their images.

use std::{
    collections::BTreeMap,
    fmt,
    io::{BufReader, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use serde::{
    Deserialize, Deserializer as _,
    de::{SeqAccess, Visitor},
};

use super::files::{Owner, open};

/// Maximum size of a list. With a thousand containers it has a mebibyte.
const LIST_BYTES: u64 = 16 << 20;

/// Maximum size of a list that a user wrote, who may want to exhaust this process's memory.
const USERS_LIST_BYTES: u64 = 1 << 20;

/// The list that was read last. It is kept while several containers are read in a row.
#[derive(Default)]
pub(super) struct Storage {
    read: Option<(Version, Names)>,
}

/// The path and version of a list. The list is always replaced as a whole.
type Version = (PathBuf, u64, i64, i64);

/// Name and image of each container, by identifier.
type Names = BTreeMap<String, Described>;

/// The name of the container and the name of its image.
type Described = (Option<String>, Option<String>);

#[derive(Deserialize)]
struct Item {
    id: String,
    #[serde(default)]
    names: Vec<String>,
    /// The metadata, as JSON in a string.
    #[serde(default)]
    metadata: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    #[serde(rename = "image-name")]
    image: Option<String>,
    name: Option<String>,
}

impl Storage {
    /// Returns the name and image of a container from the list in this directory; `None` if it is not in the list.
    pub(super) fn describe(&mut self, owner: Owner, directory: &Path, id: &str) -> Option<Described> {
        let path = directory.join("containers.json");
        let file = open(owner, &path)?;
        let seen = file.metadata().ok()?;
        let most = if owner.is_some() { USERS_LIST_BYTES } else { LIST_BYTES };
        let version = (path, seen.ino(), seen.mtime(), seen.mtime_nsec());
        if self.read.as_ref().is_none_or(|(read, _)| *read != version) {
            let mut json = serde_json::Deserializer::from_reader(BufReader::new(file.take(most)));
            self.read = json.deserialize_seq(List).ok().map(|names| (version, names));
        }
        self.read.as_ref()?.1.get(id).cloned()
    }

    /// Frees the list.
    pub(super) fn forget(&mut self) {
        self.read = None;
    }
}

/// Reads the list item by item.
struct List;

impl<'de> Visitor<'de> for List {
    type Value = Names;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of containers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Names, A::Error> {
        let mut names = Names::new();
        while let Some(Item { id, names: own, metadata }) = items.next_element()? {
            let Metadata { image, name } = serde_json::from_str(&metadata).unwrap_or_default();
            names.insert(id, (own.into_iter().next().or(name), image));
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Storage;

    #[test]
    fn reads_the_list_again_after_it_was_replaced() {
        let top = tempfile::tempdir().unwrap();
        let write = |name: &str, list: &str| {
            fs::write(top.path().join("new"), list.replace("NAME", name)).unwrap();
            fs::rename(top.path().join("new"), top.path().join("containers.json")).unwrap();
        };
        let list = r#"[{"id":"a","names":["NAME"],"metadata":"{\"image-name\":\"i\"}"},{"id":"b","metadata":"no JSON"}]"#;
        let mut storage = Storage::default();
        let mut name = |id: &str| storage.describe(None, top.path(), id).map(|(name, _)| name);
        assert_eq!(name("a"), None, "there is no list");
        write("web", list);
        assert_eq!([name("a"), name("b"), name("c")], [Some(Some("web".to_owned())), Some(None), None]);
        write("shop", list);
        assert_eq!(name("a"), Some(Some("shop".to_owned())));
        write("torn", &list[..60]);
        assert_eq!(name("a"), None, "half a list names nobody");
    }
}
