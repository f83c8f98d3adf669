//! Kills that belong together, in words: the same in every sink for people.

use super::{
    sanitize::{name, sentence},
    units::{ABSENT, or_absent, span},
};
use crate::{explain::ordinal, incident::Link, report::Chain};

/// The place in the chain, and the reason.
pub(super) fn words(chain: &Chain) -> String {
    let previous = &chain.previous;
    let comm = previous.comm.as_ref().map_or_else(|| ABSENT.to_owned(), |comm| name(comm.as_bytes()));
    format!(
        "{} kill in {}; {comm} (pid {}) was killed {} before, and {}",
        ordinal(chain.position),
        span(chain.since_ns),
        or_absent(previous.pid),
        span(previous.before_ns),
        reason(chain.link)
    )
}

/// The first incident.
pub(super) fn first(chain: &Chain) -> String {
    match chain.number {
        Some(number) => format!("incident {number} ({})", sentence(&chain.id)),
        None => format!("incident {}", sentence(&chain.id)),
    }
}

const fn reason(link: Link) -> &'static str {
    match link {
        Link::StuckVictim => {
            "an earlier victim is still alive and holds memory that the kernel could not free"
        }
        Link::SameDomain => "the same memory ran out again",
        Link::SameVictim => "a process of the same name was killed in the same place before",
        Link::SameSender => "the same process sent the signal",
    }
}
