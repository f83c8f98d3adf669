//! The known names, each in the form in which a frame contains it.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher as _},
};

use serde::Serialize;

use crate::{
    bytes::ByteString,
    context::{NamedContainer, NamedPod, NamedUser},
};

/// Maximum number of containers, and of pods, that are kept. Further ones have no name.
const MOST: usize = 4096;

/// Maximum number of containers from the files of users, who may describe as many as they like.
const USERS_MOST: usize = 1024;

/// Maximum size of the JSON of a container from a user's file, which may contain texts of any length.
const USERS_BYTES: usize = 8 << 10;

/// The beginning of the JSON of a container without a cgroup. The comma belongs to the rest.
const NO_CGROUP: &[u8] = b"{\"cgroup\":\"\"";

/// The known names. The thread that reads files fills the table. The tracing thread looks into it and never waits for it.
#[derive(Default)]
pub(super) struct Table {
    containers: BTreeMap<Box<[u8]>, Entry>,
    pods: BTreeMap<Box<[u8]>, Entry>,
    users: BTreeMap<u32, Box<[u8]>>,
}

struct Entry {
    /// The JSON, without the path of a container's cgroup, because the path is the key.
    json: Box<[u8]>,
    source: u64,
    /// Whether a user's file described it.
    is_users: bool,
}

/// Computes a hash of a value.
pub(super) fn digest(of: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

fn json(of: &impl Serialize) -> Box<[u8]> {
    // Plain data: JSON can hold all of it.
    serde_json::to_vec(of).unwrap_or_default().into()
}

impl Table {
    /// Stores a container and replaces another one in the same cgroup. `source` identifies the place where it was found.
    pub(super) fn keep_container(&mut self, container: &NamedContainer, source: u64) {
        self.keep_described(container, source, false);
    }

    /// Does the same with a container that a user's file describes. If the description is too large, the container has no name.
    pub(super) fn keep_users_container(&mut self, container: &NamedContainer, source: u64) {
        let known = self.containers.get(container.cgroup.as_bytes()).map(|entry| entry.is_users);
        let count = || self.containers.values().filter(|entry| entry.is_users).count();
        // Nothing that root's files describe is replaced.
        let may_keep = known == Some(true) || (known.is_none() && count() < USERS_MOST);
        if may_keep && json(container).len() <= USERS_BYTES {
            self.keep_described(container, source, true);
        } else if known == Some(true) {
            // The older description is no longer right.
            self.containers.remove(container.cgroup.as_bytes());
        }
    }

    fn keep_described(&mut self, container: &NamedContainer, source: u64, is_users: bool) {
        let without = NamedContainer { cgroup: ByteString::default(), ..container.clone() };
        let json = json(&without).strip_prefix(NO_CGROUP).unwrap_or_default().into();
        keep(&mut self.containers, container.cgroup.as_bytes(), Entry { json, source, is_users });
    }

    /// Stores a pod.
    pub(super) fn keep_pod(&mut self, pod: &NamedPod, source: u64) {
        keep(&mut self.pods, pod.uid.as_bytes(), Entry { json: json(pod), source, is_users: false });
    }

    /// Replaces the users of the machine.
    pub(super) fn keep_users(&mut self, users: &[NamedUser]) {
        self.users = users.iter().map(|user| (user.uid, json(user))).collect();
    }

    /// Drops the names from a source that no longer exists.
    pub(super) fn forget(&mut self, source: u64) {
        self.containers.retain(|_, entry| entry.source != source);
        self.pods.retain(|_, entry| entry.source != source);
    }

    /// Drops all containers and pods that root's files describe.
    pub(super) fn forget_roots(&mut self) {
        self.containers.retain(|_, entry| entry.is_users);
        self.pods.clear();
    }

    /// Drops all containers that users' files describe.
    pub(super) fn forget_users(&mut self) {
        self.containers.retain(|_, entry| !entry.is_users);
    }

    /// Returns the JSON of the container in a cgroup.
    pub(super) fn container(&self, cgroup: &[u8]) -> Option<Vec<u8>> {
        let entry = self.containers.get(cgroup)?;
        let path = json(&ByteString::from(cgroup.to_vec()));
        Some([b"{\"cgroup\":".as_slice(), &path, &entry.json].concat())
    }

    /// Returns the JSON of a pod.
    pub(super) fn pod(&self, uid: &str) -> Option<&[u8]> {
        self.pods.get(uid.as_bytes()).map(|entry| &*entry.json)
    }

    /// Returns the JSON of a user.
    pub(super) fn user(&self, uid: u32) -> Option<&[u8]> {
        self.users.get(&uid).map(|json| &**json)
    }
}

fn keep(entries: &mut BTreeMap<Box<[u8]>, Entry>, key: &[u8], entry: Entry) {
    if entries.len() < MOST || entries.contains_key(key) {
        entries.insert(key.into(), entry);
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, Table, USERS_MOST};
    use crate::context::NamedContainer;

    fn container(cgroup: &str, name: &str) -> NamedContainer {
        NamedContainer { cgroup: cgroup.into(), name: Some(name.into()), ..NamedContainer::default() }
    }

    #[test]
    fn replaces_a_container_in_the_same_cgroup() {
        let mut table = Table::default();
        table.keep_container(&container("/a", "old"), 1);
        table.keep_container(&container("/a", "new"), 2);
        table.forget(1);
        let read: NamedContainer = serde_json::from_slice(&table.container(b"/a").unwrap()).unwrap();
        assert_eq!(read, container("/a", "new"));
        table.forget(2);
        assert_eq!(table.container(b"/a"), None);
    }

    #[test]
    fn users_replace_and_displace_no_container_of_root() {
        let mut table = Table::default();
        table.keep_container(&container("/a", "web"), 1);
        table.keep_users_container(&container("/a", "evil"), 2);
        for number in 0..MOST {
            table.keep_users_container(&container(&format!("/{number}"), "evil"), 2);
        }
        assert_eq!(table.containers.len(), USERS_MOST + 1);
        table.keep_container(&container("/b", "shop"), 3);
        table.forget_users();
        let name = |cgroup: &[u8]| {
            serde_json::from_slice::<NamedContainer>(&table.container(cgroup).unwrap()).unwrap().name
        };
        assert_eq!((name(b"/a"), name(b"/b")), (Some("web".into()), Some("shop".into())));
    }

    #[test]
    fn keeps_no_large_container_of_a_user() {
        let mut table = Table::default();
        let large = container("/a", &"a".repeat(9000));
        table.keep_users_container(&large, 1);
        assert_eq!(table.container(b"/a"), None);
        table.keep_users_container(&container("/a", "web"), 1);
        assert!(table.container(b"/a").is_some());
        table.keep_users_container(&large, 1);
        assert_eq!(table.container(b"/a"), None, "the older name is not right");
        table.keep_container(&large, 2);
        table.keep_users_container(&large, 1);
        assert!(table.container(b"/a").is_some(), "it is root's");
    }

    #[test]
    fn keeps_a_bounded_number_of_containers() {
        let mut table = Table::default();
        for number in 0..MOST + 10 {
            table.keep_container(&container(&format!("/{number}"), "a"), 1);
        }
        assert_eq!(table.containers.len(), MOST);
    }
}
