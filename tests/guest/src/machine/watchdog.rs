//! The guest's own deadline: a guest that hangs reports this and powers down before the host has to kill it.

use std::thread;
use std::time::Duration;

/// Power the guest down after this many seconds.
pub(crate) fn start(seconds: u64) {
    thread::spawn(move || {
        thread::sleep(Duration::from_secs(seconds));
        eprintln!("guest: not done after {seconds} s");
        crate::go_down();
    });
}
