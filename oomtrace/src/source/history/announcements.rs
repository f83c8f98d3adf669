//! The way of a forecast from the sampling thread to the tracing thread, which sleeps.

use std::{
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    sync::{Mutex, PoisonError},
};

use rustix::event::{EventfdFlags, eventfd};

use crate::context::Forecast;

/// Forecasts that wait for the tracing thread at most.
const WAITING: usize = 64;

/// Forecasts that are new, and what wakes the tracing thread.
pub(super) struct Announcements {
    pub(super) horizon_ns: u64,
    bell: OwnedFd,
    new: Mutex<Vec<Forecast>>,
}

impl Announcements {
    /// `None` if there is no descriptor left.
    pub(super) fn new(horizon_ns: u64) -> Option<Self> {
        let bell = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).ok()?;
        Some(Self { horizon_ns, bell, new: Mutex::default() })
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// Announces them, and wakes the tracing thread.
    pub(super) fn put(&self, found: Vec<Forecast>) {
        if found.is_empty() {
            return;
        }
        let mut new = self.new.lock().unwrap_or_else(PoisonError::into_inner);
        let room = WAITING.saturating_sub(new.len());
        new.extend(found.into_iter().take(room));
        drop(new);
        // It fails only if the tracing thread has been woken already.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    /// Takes all that are new. It does not wait: if more are being added, the tracing thread is woken again.
    pub(super) fn take(&self) -> Vec<Forecast> {
        let Ok(mut new) = self.new.try_lock() else { return Vec::new() };
        // It fails if nothing is new.
        let _ = rustix::io::read(&self.bell, &mut [0; 8]);
        std::mem::take(&mut *new)
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::{Announcements, Forecast, WAITING};

    fn is_woken(announcements: &Announcements) -> bool {
        let mut fds = [PollFd::from_borrowed_fd(announcements.descriptor(), PollFlags::IN)];
        poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 1
    }

    #[test]
    fn the_tracing_thread_is_woken_until_it_has_taken_all() {
        let announcements = Announcements::new(7).unwrap();
        announcements.put(Vec::new());
        assert!(!is_woken(&announcements));
        announcements.put(vec![Forecast::default()]);
        announcements.put(vec![Forecast::default(); WAITING]);
        assert!(is_woken(&announcements));
        assert_eq!(announcements.take().len(), WAITING);
        assert!(!is_woken(&announcements) && announcements.take().is_empty());
    }
}
