//! Detects when the wall clock is set, for example at the first contact with a time server. Otherwise dates would be wrong
//! until the next start.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::{
    io::{Errno, read},
    time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    },
};

use crate::{context::Clock, kernel::clock};

/// An expiry far in the future. The timer exists only to be canceled.
const NEVER: Timespec = Timespec { tv_sec: 1 << 40, tv_nsec: 0 };

/// A timer by the wall clock. The kernel cancels it when the clock is set, or when the machine wakes up.
/// <https://github.com/torvalds/linux/blob/v6.12/fs/timerfd.c> (`timerfd_clock_was_set`)
pub(super) struct WallClock(Option<OwnedFd>);

impl WallClock {
    /// Starts listening, if the kernel provides such timers.
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

    /// Returns a descriptor that becomes readable when the clock was set.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.0.as_ref().map(AsFd::as_fd)
    }

    /// Returns the offsets between the clocks, if the wall clock was set since the last call.
    pub(super) fn was_set(&self) -> Option<Clock> {
        let cancelled = read(self.0.as_ref()?, &mut [0_u8; 8]) == Err(Errno::CANCELED);
        cancelled.then(|| Clock {
            wall_offset_ns: clock::wall_offset_ns(),
            monotonic_offset_ns: Some(clock::monotonic_offset_ns()),
        })
    }
}
