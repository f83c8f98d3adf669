//! Shows a supervisor that the loop over the frames goes round.

/// Calls a function regularly. Without it, a source does not wake up when nothing happens.
pub struct Heartbeat {
    every_ns: u64,
    next_ns: u64,
    beat: Box<dyn FnMut()>,
}

impl Heartbeat {
    /// Calls `beat` at once, and then every `every_ns`. It must not block.
    #[must_use]
    pub fn new(every_ns: u64, beat: Box<dyn FnMut()>) -> Self {
        Self { every_ns: every_ns.max(1), next_ns: 0, beat }
    }

    /// The time of the next call, boot ns.
    pub(super) const fn next_ns(&self) -> u64 {
        self.next_ns
    }

    /// Calls the function if it is due.
    pub(super) fn at(&mut self, now: u64) {
        if now >= self.next_ns {
            self.next_ns = now.saturating_add(self.every_ns);
            (self.beat)();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, rc::Rc};

    use super::Heartbeat;

    #[test]
    fn beats_when_due_and_not_more_often() {
        let count = Rc::new(Cell::new(0));
        let theirs = Rc::clone(&count);
        let mut heart = Heartbeat::new(10, Box::new(move || theirs.set(theirs.get() + 1)));
        for now in [5, 6, 14, 15, 16, 40] {
            heart.at(now);
        }
        assert_eq!((count.get(), heart.next_ns()), (3, 50));
    }
}
