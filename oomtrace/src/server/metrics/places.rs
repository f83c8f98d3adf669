//! A counter for each place where a victim was, and one for all the rest.

use std::collections::HashSet;

use prometheus_client::metrics::{counter::Counter, family::Family};

use super::labels::Container;

/// Places that have a counter of their own.
const PLACES: usize = 1000;

/// Bytes of labels that a place may have to get one. Paths may have 4096 bytes, but those of containers have some 200.
const BYTES: usize = 768;

/// A family of counters that stays small, whoever makes cgroups.
#[derive(Default)]
pub(super) struct Places {
    counters: Family<Container, Counter>,
    known: HashSet<Container>,
}

impl Places {
    pub(super) fn counters(&self) -> Family<Container, Counter> {
        self.counters.clone()
    }

    /// Counts a victim of this place.
    pub(super) fn count(&mut self, place: Container) {
        let place = if self.has_room(&place) { place } else { Container::overflow() };
        self.counters.get_or_create(&place).inc();
        self.known.insert(place);
    }

    fn has_room(&self, place: &Container) -> bool {
        self.known.contains(place) || (self.known.len() < PLACES && place.len() <= BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES, Container, PLACES, Places};
    use crate::server::facts::Place;

    fn at(path: &str) -> Container {
        Container::of(&Place { cgroup: Some(path.into()), ..Place::default() })
    }

    #[test]
    fn the_places_beyond_the_limit_share_a_counter() {
        let mut places = Places::default();
        for number in 0..PLACES + 50 {
            places.count(at(&format!("/box{number}")));
        }
        places.count(at("/box0"));
        places.count(at(&format!("/{}", "x".repeat(BYTES))));
        let count = |place: &Container| places.counters.get_or_create(place).get();
        assert_eq!(count(&at("/box0")), 2);
        assert_eq!(count(&Container::overflow()), 51);
        assert_eq!(places.known.len(), PLACES + 1);
    }
}
