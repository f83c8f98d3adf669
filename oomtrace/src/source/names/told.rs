//! Tracks which names were sent, in step with the receiver: both forget the same names.

use std::{
    collections::{BTreeMap, VecDeque},
    hash::Hash,
};

use super::table::digest;
use crate::context::NAMES_KEPT;

/// The names of each kind that were sent.
#[derive(Default)]
pub(super) struct Told {
    containers: Latest,
    pods: Latest,
    users: Latest,
}

impl Told {
    /// Returns whether this description of a container is new, and records it as sent.
    pub(super) fn container(&mut self, cgroup: &[u8], json: &[u8]) -> bool {
        self.containers.is_news(cgroup, json)
    }

    /// Does the same for a pod.
    pub(super) fn pod(&mut self, uid: &str, json: &[u8]) -> bool {
        self.pods.is_news(uid, json)
    }

    /// Does the same for a user.
    pub(super) fn user(&mut self, uid: u32, json: &[u8]) -> bool {
        self.users.is_news(&uid, json)
    }
}

/// Hashes of the keys, and of the names that were sent for them.
#[derive(Default)]
struct Latest {
    of: BTreeMap<u64, u64>,
    in_order: VecDeque<u64>,
}

impl Latest {
    fn is_news(&mut self, key: &(impl Hash + ?Sized), json: &[u8]) -> bool {
        let (key, told) = (digest(key), digest(json));
        match self.of.insert(key, told) {
            Some(before) => before != told,
            None => {
                if self.in_order.len() == NAMES_KEPT
                    && let Some(oldest) = self.in_order.pop_front()
                {
                    self.of.remove(&oldest);
                }
                self.in_order.push_back(key);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Latest, NAMES_KEPT};

    #[test]
    fn reports_names_as_new_once_until_changed_or_forgotten() {
        let mut told = Latest::default();
        assert!(told.is_news("a", b"1") && !told.is_news("a", b"1") && told.is_news("a", b"2"));
        for number in 0..NAMES_KEPT {
            assert!(told.is_news(&number, b"1"));
        }
        assert!(told.is_news("a", b"2"));
    }
}
