//! Kills that a killer in user space announces before it kills (`--oomd-hook`).
//!
//! The thread for consumers hears an announcement (`server/prekill`) and reads the cgroup here. Its frames reach the tracing thread
//! through [`Prekills`].

mod directory;
mod processes;
mod reader;

use std::{
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    sync::{Mutex, PoisonError},
};

use oomtrace_common::frame::Kind;
use rustix::event::{EventfdFlags, eventfd};

pub use self::{
    directory::is_plain_path,
    reader::{Announcer, PrekillReader},
};
use crate::{context::Prekill, frame::context_frame};

/// Bytes of frames that wait for the tracing thread. The largest frame is a quarter of it.
const WAITING_BYTES: usize = 256 << 10;

/// Frames of announcements on their way to the tracing thread.
pub struct Prekills {
    /// Wakes the tracing thread.
    bell: OwnedFd,
    /// Allocated at the start, because memory is short when an announcement comes.
    frames: Mutex<Vec<u8>>,
}

impl Prekills {
    /// Creates an empty queue, with its memory.
    ///
    /// # Errors
    ///
    /// If no descriptor is available.
    pub fn new() -> io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        let mut frames = vec![1; WAITING_BYTES];
        frames.clear();
        Ok(Self { bell, frames: Mutex::new(frames) })
    }

    /// Adds a frame and wakes the tracing thread. Returns whether there was room.
    #[must_use]
    pub fn put(&self, prekill: &Prekill) -> bool {
        let frame = context_frame(Kind::Prekill, prekill.announced_ns, 0, prekill);
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = frames.len() + frame.len() <= WAITING_BYTES;
        if has_room {
            frames.extend_from_slice(&frame);
        }
        drop(frames);
        // This fails only if the tracing thread has already been woken.
        let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
        has_room
    }

    /// A descriptor that becomes readable when there is a frame.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// Moves all frames to the batch. It does not wait: if a frame is being added, the tracing thread is woken again.
    pub(crate) fn send(&self, batch: &mut Vec<u8>) {
        // This fails if nothing is new. In this order: a frame that is being added rings again when it is there.
        let _ = rustix::io::read(&self.bell, &mut [0; 8]);
        let Ok(mut frames) = self.frames.try_lock() else { return };
        batch.extend_from_slice(&frames);
        frames.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::{Prekill, Prekills, WAITING_BYTES};
    use crate::{decode::decode, event::Event, frame::Frame};

    #[test]
    fn passes_frames_on_in_order_and_says_when_there_is_no_room() {
        let prekills = Prekills::new().unwrap();
        let told = |announced_ns| Prekill { announced_ns, cgroup: "/a".into(), ..Prekill::default() };
        assert!(prekills.put(&told(1)) && prekills.put(&told(2)));
        let mut batch = Vec::new();
        prekills.send(&mut batch);
        let sent = Frame::each(&batch).map(|(frame, _)| {
            let event = decode(&frame).unwrap().unwrap().event;
            let Event::Prekill(prekill) = event else { panic!("{event:?}") };
            prekill.announced_ns
        });
        assert_eq!(sent.collect::<Vec<_>>(), [1, 2]);
        let long = Prekill { cgroup: "x".repeat(WAITING_BYTES / 4).as_str().into(), ..Prekill::default() };
        assert_eq!((0..4).map(|_| prekills.put(&long)).filter(|has_room| *has_room).count(), 3);
        batch.clear();
        prekills.send(&mut batch);
        assert_eq!(Frame::each(&batch).count(), 3);
        assert!(prekills.put(&told(3)), "there is room again");
    }
}
