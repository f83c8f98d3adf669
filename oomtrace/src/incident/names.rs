//! Names of containers, pods and users that were reported so far.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    bytes::ByteString,
    context::{NAMES_KEPT, NamedContainer, NamedPod, NamedUser, Names},
};

/// The names that were reported most recently. The number is bounded.
#[derive(Clone, Debug, Default)]
pub struct KnownNames {
    containers: Latest<ByteString, NamedContainer>,
    pods: Latest<String, NamedPod>,
    users: Latest<u32, ByteString>,
}

impl KnownNames {
    /// Stores the names from a frame.
    pub fn keep(&mut self, names: Names) {
        for container in names.containers {
            self.containers.keep(container.cgroup.clone(), container);
        }
        for pod in names.pods {
            self.pods.keep(pod.uid.clone(), pod);
        }
        for user in names.users {
            self.users.keep(user.uid, user.name);
        }
    }

    /// Returns the container with exactly this cgroup.
    #[must_use]
    pub fn container(&self, cgroup: &ByteString) -> Option<&NamedContainer> {
        self.containers.of.get(cgroup)
    }

    /// The pod with this identifier.
    #[must_use]
    pub fn pod(&self, uid: &str) -> Option<&NamedPod> {
        self.pods.of.get(uid)
    }

    /// The name of the user.
    #[must_use]
    pub fn user(&self, uid: u32) -> Option<&ByteString> {
        self.users.of.get(&uid)
    }

    /// Returns all names, one per item, oldest first.
    pub fn one_by_one(&self) -> impl Iterator<Item = Names> {
        let containers = self.containers.in_order();
        let containers = containers
            .map(|(_, container)| Names { containers: vec![container.clone()], ..Names::default() });
        let pods = self.pods.in_order().map(|(_, pod)| Names { pods: vec![pod.clone()], ..Names::default() });
        let user = |(uid, name): (&u32, &ByteString)| NamedUser { uid: *uid, name: name.clone() };
        let users =
            self.users.in_order().map(move |known| Names { users: vec![user(known)], ..Names::default() });
        containers.chain(pods).chain(users)
    }

    /// Whether no container is known.
    #[must_use]
    pub fn has_no_container(&self) -> bool {
        self.containers.of.is_empty()
    }
}

/// The latest entries of one kind. It forgets the oldest entry at the same point as the source of the names does.
#[derive(Clone, Debug)]
struct Latest<K, V> {
    of: BTreeMap<K, V>,
    in_order: VecDeque<K>,
}

impl<K, V> Default for Latest<K, V> {
    fn default() -> Self {
        Self { of: BTreeMap::new(), in_order: VecDeque::new() }
    }
}

impl<K: Ord + Clone, V> Latest<K, V> {
    fn in_order(&self) -> impl Iterator<Item = (&K, &V)> {
        self.in_order.iter().filter_map(|key| self.of.get_key_value(key))
    }

    fn keep(&mut self, key: K, value: V) {
        if self.of.insert(key.clone(), value).is_some() {
            return;
        }
        if self.in_order.len() == NAMES_KEPT
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.of.remove(&oldest);
        }
        self.in_order.push_back(key);
    }
}

#[cfg(test)]
mod tests {
    use super::{KnownNames, NAMES_KEPT, Names};
    use crate::context::{NamedContainer, NamedUser};

    #[test]
    fn keeps_the_latest_name_and_drops_the_oldest() {
        let mut known = KnownNames::default();
        let user = |uid: u32, name: &str| Names {
            users: vec![NamedUser { uid, name: name.into() }],
            ..Names::default()
        };
        known.keep(user(7, "old"));
        known.keep(user(7, "new"));
        assert_eq!(known.user(7), Some(&"new".into()));
        for uid in 100..100 + u32::try_from(NAMES_KEPT).unwrap() {
            known.keep(user(uid, "other"));
        }
        assert_eq!((known.user(7), known.user(100)), (None, Some(&"other".into())));
    }

    #[test]
    fn finds_a_container_only_by_its_full_cgroup() {
        let mut known = KnownNames::default();
        let container = NamedContainer { cgroup: "/docker/a".into(), ..NamedContainer::default() };
        known.keep(Names { containers: vec![container], ..Names::default() });
        assert!(known.container(&"/docker/a".into()).is_some());
        assert!(known.container(&"/x/docker/a".into()).is_none());
    }
}
