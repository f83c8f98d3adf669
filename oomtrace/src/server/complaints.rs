//! Reports troubles to the user. A consumer that fails five thousand times causes one message per minute.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{Tell, Trouble};

/// The minimum time between two messages of a consumer.
const SILENCE: Duration = Duration::from_secs(60);

/// The last message of one consumer.
struct Said {
    at: Instant,
    /// Troubles since then that were not reported.
    left_out: u64,
}

/// Reports the first trouble of each kind and consumer at once, and then one per minute.
pub(super) struct Complaints {
    tell: Tell,
    said: Mutex<BTreeMap<(&'static str, &'static str), Said>>,
}

impl Complaints {
    pub(super) fn new(tell: Tell) -> Self {
        Self { tell, said: Mutex::default() }
    }

    /// Reports a trouble, or counts it.
    pub(super) fn say(&self, trouble: &Trouble) {
        self.say_at(trouble, Instant::now());
    }

    fn say_at(&self, trouble: &Trouble, now: Instant) {
        let left_out = {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            let known = said.get_mut(&trouble.kind());
            match known {
                Some(known) if now.saturating_duration_since(known.at) < SILENCE => {
                    known.left_out += 1;
                    return;
                }
                known => {
                    let left_out = known.map_or(0, |known| known.left_out);
                    said.insert(trouble.kind(), Said { at: now, left_out: 0 });
                    left_out
                }
            }
        };
        self.tell_left_out(trouble.kind().0, left_out);
        (self.tell)(trouble);
    }

    /// Reports how many troubles were left out.
    pub(super) fn flush(&self) {
        let left_out = std::mem::take(&mut *self.said.lock().unwrap_or_else(PoisonError::into_inner));
        for ((consumer, _), said) in left_out {
            self.tell_left_out(consumer, said.left_out);
        }
    }

    fn tell_left_out(&self, consumer: &'static str, count: u64) {
        if count > 0 {
            (self.tell)(&Trouble::LeftOut { consumer, count });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, Mutex},
        time::{Duration, Instant},
    };

    use super::{Complaints, SILENCE, Trouble};

    #[test]
    fn reports_the_first_trouble_at_once_and_counts_the_next() {
        let said = Arc::new(Mutex::new(Vec::new()));
        let theirs = Arc::clone(&said);
        let complaints =
            Complaints::new(Box::new(move |trouble| theirs.lock().unwrap().push(trouble.to_string())));
        let start = Instant::now();
        let dropped = |count| Trouble::Dropped { consumer: "--metrics", count };
        complaints.say_at(&dropped(1), start);
        complaints.say_at(&dropped(2), start + Duration::from_secs(1));
        complaints.say_at(&Trouble::Unfinished, start + Duration::from_secs(1));
        complaints.say_at(&dropped(3), start + SILENCE);
        complaints.say_at(&dropped(4), start + SILENCE);
        complaints.flush();
        let said = said.lock().unwrap();
        assert_eq!(said.len(), 5, "{said:?}");
        assert!(said[0].contains("1 report"), "{said:?}");
        assert!(said[1].contains("still not delivered"), "{said:?}");
        assert!(said[2].contains("1 more"), "{said:?}");
        assert!(said[3].contains("3 reports"), "{said:?}");
        assert!(said[4].contains("1 more"), "{said:?}");
    }
}
