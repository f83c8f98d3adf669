//! A counter for each place of a victim, and one for all the others.

use std::collections::HashSet;

use prometheus_client::metrics::{counter::Counter, family::Family};

use super::labels::Container;

/// The maximum number of places with their own counter.
const PLACES: usize = 1000;

/// The maximum size of a place's labels in bytes for its own counter. Paths may have 4096 bytes, but those of containers have
/// about 200.
const BYTES: usize = 768;

/// A family of counters whose size is limited, however many cgroups are created.
#[derive(Default)]
pub(super) struct Places {
    counters: Family<Container, Counter>,
    known: HashSet<Container>,
}

impl Places {
    pub(super) fn counters(&self) -> Family<Container, Counter> {
        self.counters.clone()
    }

    /// Counts a victim in this place.
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
    fn places_beyond_the_limit_share_a_counter() {
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
