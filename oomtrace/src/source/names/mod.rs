//! Names of containers, pods and users from files of the node: no API, no network.
//!
//! A thread of its own reads the files ahead of time. It starts with what is there, and hears of what comes and goes by inotify. The
//! thread that traces opens none of them: it looks into a table, and does not even wait for that.

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

/// Levels of cgroups that are remembered until they are asked for.
const LEVELS: usize = 512;

/// The tracing side: what an incident has to do with, and which names of it were not told yet.
pub struct Names {
    table: Arc<Mutex<Table>>,
    levels: BTreeMap<u64, Memcg>,
    /// Cgroups and users to be named.
    memcgs: BTreeSet<u64>,
    paths: BTreeSet<ByteString>,
    uids: BTreeSet<u32>,
    told: Told,
}

/// Reads the names of users, and starts the thread where there is a directory of a container runtime.
#[must_use]
pub fn start() -> Names {
    let table = Arc::new(Mutex::new(Table::default()));
    // Nobody else has it yet.
    table.lock().unwrap_or_else(PoisonError::into_inner).keep_users(&node::users());
    if places::is_any() {
        watcher::start(Arc::clone(&table));
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

    /// Takes a level of a cgroup that an incident has to do with.
    pub(super) fn keep_level(&mut self, memcg: Memcg) {
        if self.levels.len() >= LEVELS {
            self.levels.clear();
        }
        self.memcgs.insert(memcg.id);
        self.levels.insert(memcg.id, memcg);
    }

    /// Wants the names for a path.
    pub(super) fn want_path(&mut self, path: &ByteString) {
        self.paths.insert(path.clone());
    }

    /// Wants the name of the task's user.
    pub(super) fn want_user(&mut self, task: &Task) {
        if task.present & Task::UID != 0 {
            self.uids.insert(task.uid);
        }
    }

    /// The payload of a frame with what is wanted, known, and not told yet. Where the table is in use at this moment, all of it
    /// stays wanted.
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

    /// The paths that are wanted, with all above them.
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
