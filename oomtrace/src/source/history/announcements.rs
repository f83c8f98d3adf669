//! Passes forecasts from the sampling thread to the tracing thread, which may be asleep.

use std::{
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    sync::{Mutex, PoisonError},
};

use rustix::event::{EventfdFlags, eventfd};

use crate::context::Forecast;

/// Maximum number of forecasts that wait for the tracing thread.
const WAITING: usize = 64;

/// New forecasts, and the descriptor that wakes the tracing thread.
pub(super) struct Announcements {
    pub(super) horizon_ns: u64,
    bell: OwnedFd,
    new: Mutex<Vec<Forecast>>,
}

impl Announcements {
    /// Creates an empty queue; `None` if no descriptor is available.
    pub(super) fn new(horizon_ns: u64) -> Option<Self> {
        let bell = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).ok()?;
        Some(Self { horizon_ns, bell, new: Mutex::default() })
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// Adds forecasts and wakes the tracing thread.
    pub(super) fn put(&self, found: Vec<Forecast>) {
        if found.is_empty() {
            return;
        }
        let mut new = self.new.lock().unwrap_or_else(PoisonError::into_inner);
        let room = WAITING.saturating_sub(new.len());
        new.extend(found.into_iter().take(room));
        drop(new);
        // This fails only if the tracing thread has already been woken.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    /// Takes all new forecasts. It does not wait: if more are being added, the tracing thread is woken again.
    pub(super) fn take(&self) -> Vec<Forecast> {
        let Ok(mut new) = self.new.try_lock() else { return Vec::new() };
        // This fails if nothing is new.
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
    fn wakes_the_tracing_thread_until_all_is_taken() {
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
