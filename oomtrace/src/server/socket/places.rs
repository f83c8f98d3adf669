//! Limits the number of clients: of all, of those without privileges, and of each user.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

/// The maximum number of clients at the same time.
const ALL: usize = 64;

/// The maximum number of clients without privileges. The rest is always free for root.
const UNPRIVILEGED: usize = 48;

/// The maximum number of clients of one user without privileges.
const OF_ONE_USER: usize = 8;

/// The clients that are connected.
#[derive(Default)]
pub(super) struct Places {
    taken: Mutex<Taken>,
    freed: Notify,
}

#[derive(Default)]
struct Taken {
    all: usize,
    unprivileged: usize,
    by_user: BTreeMap<u32, usize>,
}

/// The place of a client. It is free again when this is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    /// The user, if the client has no privileges.
    user: Option<u32>,
}

impl Places {
    /// Reserves a place for a client; `None` if there is no room for its user.
    pub(super) fn take(self: &Arc<Self>, uid: u32, sees_all: bool) -> Option<Place> {
        let mut taken = self.taken();
        let own = taken.by_user.get(&uid).copied().unwrap_or(0);
        let has_room = sees_all || (taken.unprivileged < UNPRIVILEGED && own < OF_ONE_USER);
        if taken.all >= ALL || !has_room {
            return None;
        }
        taken.all += 1;
        if !sees_all {
            taken.unprivileged += 1;
            taken.by_user.insert(uid, own + 1);
        }
        Some(Place { places: Arc::clone(self), user: (!sees_all).then_some(uid) })
    }

    /// Returns when no client is connected.
    pub(super) async fn all_free(&self) {
        loop {
            let freed = self.freed.notified();
            if self.taken().all == 0 {
                return;
            }
            freed.await;
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all -= 1;
        if let Some(uid) = self.user {
            taken.unprivileged -= 1;
            let left = taken.by_user.remove(&uid).unwrap_or(0).saturating_sub(1);
            if left > 0 {
                taken.by_user.insert(uid, left);
            }
        }
        drop(taken);
        self.places.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{ALL, OF_ONE_USER, Place, Places, UNPRIVILEGED};

    fn fill(places: &Arc<Places>, uid: u32, sees_all: bool) -> Vec<Place> {
        std::iter::from_fn(|| places.take(uid, sees_all)).collect()
    }

    #[test]
    fn one_user_cannot_take_all_places_and_users_cannot_take_those_of_root() {
        let places = Arc::<Places>::default();
        let first = fill(&places, 1, false);
        assert_eq!(first.len(), OF_ONE_USER);
        let others: Vec<Place> = (2..100).flat_map(|uid| fill(&places, uid, false)).collect();
        assert_eq!(first.len() + others.len(), UNPRIVILEGED);
        assert_eq!(fill(&places, 0, true).len(), ALL - UNPRIVILEGED);
        drop(first);
        assert_eq!(fill(&places, 1, false).len(), OF_ONE_USER);
        drop(others);
        let taken = places.taken();
        assert_eq!((taken.all, taken.unprivileged, taken.by_user.len()), (0, 0, 0));
    }
}
