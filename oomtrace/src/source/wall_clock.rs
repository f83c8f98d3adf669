//! Notice of the wall clock being set, as at the first contact with a time server: dates would be off by it until the next start.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::{
    io::{Errno, read},
    time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    },
};

use crate::{context::Clock, kernel::clock};

/// Far enough: the timer is there for being cancelled.
const NEVER: Timespec = Timespec { tv_sec: 1 << 40, tv_nsec: 0 };

/// A timer by the wall clock, which the kernel cancels when that is set, or when the machine wakes up.
/// <https://github.com/torvalds/linux/blob/v6.12/fs/timerfd.c> (`timerfd_clock_was_set`)
pub(super) struct WallClock(Option<OwnedFd>);

impl WallClock {
    /// Listens from now on, as far as there are timers for it.
    pub(super) fn new() -> Self {
        let timer = || {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Realtime, flags)?;
            let never = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: NEVER };
            timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET, &never)?;
            Ok::<_, Errno>(timer)
        };
        Self(timer().ok())
    }

    /// Readable once the clock was set.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.0.as_ref().map(AsFd::as_fd)
    }

    /// How the clocks differ now, if that has changed since the last time.
    pub(super) fn was_set(&self) -> Option<Clock> {
        let cancelled = read(self.0.as_ref()?, &mut [0_u8; 8]) == Err(Errno::CANCELED);
        cancelled.then(|| Clock {
            wall_offset_ns: clock::wall_offset_ns(),
            monotonic_offset_ns: Some(clock::monotonic_offset_ns()),
        })
    }
}
