//! Names of containers, pods and users from files of the node: no API, no network.
//!
//! A separate thread reads the files in advance. It begins with the existing ones and learns about changes by inotify.
//! The tracing thread opens none of them. It looks into a table and does not even wait for the table's lock.

mod annotations;
mod docker;
mod files;
mod machines;
mod node;
mod oci;
mod places;
mod storage;
mod table;
mod told;
mod watcher;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use oomtrace_common::event::{Memcg, Task};

use self::{table::Table, told::Told};
use crate::{attribute::Place, bytes::ByteString, cgroup};

/// Maximum number of cgroup levels that are remembered until they are needed.
const LEVELS: usize = 512;

/// The tracing thread's side: the cgroups and users of an incident, and which of their names were not sent yet.
pub struct Names {
    table: Arc<Mutex<Table>>,
    levels: BTreeMap<u64, Memcg>,
    /// The cgroups and users whose names are requested.
    memcgs: BTreeSet<u64>,
    paths: BTreeSet<ByteString>,
    uids: BTreeSet<u32>,
    told: Told,
}

/// Reads the names of users. Starts the thread if a directory of a container runtime exists.
#[must_use]
pub fn start() -> Names {
    let table = Arc::new(Mutex::new(Table::default()));
    // No other thread has the table yet.
    table.lock().unwrap_or_else(PoisonError::into_inner).keep_users(&node::users());
    if places::is_any() {
        watcher::start("oomtrace-names", &places::PLACES, &table);
    }
    if places::is_rootless() {
        watcher::start("oomtrace-users", &places::USERS, &table);
    }
    Names::new(table)
}

impl Names {
    fn new(table: Arc<Mutex<Table>>) -> Self {
        Self {
            table,
            levels: BTreeMap::new(),
            memcgs: BTreeSet::new(),
            paths: BTreeSet::new(),
            uids: BTreeSet::new(),
            told: Told::default(),
        }
    }

    /// Stores a level of a cgroup that belongs to an incident.
    pub(super) fn keep_level(&mut self, memcg: Memcg) {
        if self.levels.len() >= LEVELS {
            self.levels.clear();
        }
        self.memcgs.insert(memcg.id);
        self.levels.insert(memcg.id, memcg);
    }

    /// Requests the names for a path.
    pub(super) fn want_path(&mut self, path: &ByteString) {
        self.paths.insert(path.clone());
    }

    /// Requests the name of the task's user.
    pub(super) fn want_user(&mut self, task: &Task) {
        if task.present & Task::UID != 0 {
            self.uids.insert(task.uid);
        }
    }

    /// Returns the payload of a frame with the names that are requested, known and not sent yet.
    /// If the table is locked at this moment, all requests are kept for the next call.
    pub(super) fn untold(&mut self) -> Option<Vec<u8>> {
        if self.memcgs.is_empty() && self.paths.is_empty() && self.uids.is_empty() {
            return None;
        }
        let table = Arc::clone(&self.table);
        let table = table.try_lock().ok()?;
        let paths = self.wanted_paths();
        let mut uids = std::mem::take(&mut self.uids);
        let (mut containers, mut pods, mut users) = (Vec::new(), Vec::new(), Vec::new());
        for path in paths.iter().map(ByteString::as_bytes) {
            let place = Place::of(path);
            uids.extend(place.uid);
            containers.extend(table.container(path).filter(|json| self.told.container(path, json)));
            if let Some(pod) = place.pod {
                let json = table.pod(&pod.uid).filter(|json| self.told.pod(&pod.uid, json));
                pods.extend(json.map(<[u8]>::to_vec));
            }
        }
        for uid in uids {
            let json = table.user(uid).filter(|json| self.told.user(uid, json));
            users.extend(json.map(<[u8]>::to_vec));
        }
        let lists = [("containers", containers), ("pods", pods), ("users", users)];
        let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
        let parts: Vec<Vec<u8>> = lists
            .map(|(key, list)| [b"\"".as_slice(), key.as_bytes(), b"\":[", &list.join(&b','), b"]"].concat())
            .collect();
        (!parts.is_empty()).then(|| [b"{".as_slice(), &parts.join(&b','), b"}"].concat())
    }

    /// Returns the requested paths and all paths above them.
    fn wanted_paths(&mut self) -> BTreeSet<ByteString> {
        let mut wanted = BTreeSet::new();
        let levels = std::mem::take(&mut self.memcgs);
        let sent = levels.into_iter().filter_map(|id| cgroup::path(&self.levels, id));
        for path in sent.chain(std::mem::take(&mut self.paths)) {
            let bytes = path.as_bytes();
            let slashes = bytes.iter().enumerate().filter(|(at, byte)| *at > 0 && **byte == b'/');
            let above = slashes.filter_map(|(at, _)| bytes.get(..at));
            wanted.extend(above.map(|path| ByteString::from(path.to_vec())));
            wanted.insert(path);
        }
        wanted
    }
}

#[cfg(test)]
mod tests;
