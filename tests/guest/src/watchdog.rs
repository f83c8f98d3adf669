//! The guest's own deadline: a guest that hangs goes down and says so, before the host has to end it.

use std::thread;
use std::time::Duration;

/// Take the guest down after so many seconds.
pub(crate) fn start(seconds: u64) {
    thread::spawn(move || {
        thread::sleep(Duration::from_secs(seconds));
        eprintln!("guest: not done after {seconds} s");
        crate::go_down();
    });
}
