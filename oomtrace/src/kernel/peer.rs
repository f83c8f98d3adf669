//! The process at the other end of a local socket.

use std::{
    io,
    os::fd::{AsRawFd, FromRawFd as _, OwnedFd},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

/// Since Linux 6.5. <https://github.com/torvalds/linux/blob/v6.12/include/uapi/asm-generic/socket.h#L138>
const SO_PEERPIDFD: libc::c_int = 77;

/// The process that connected, as a descriptor. A process id can be used again by another process, a descriptor cannot.
pub struct Peer(OwnedFd);

impl Peer {
    /// The process that connected.
    ///
    /// # Errors
    ///
    /// If it has exited, or the kernel is older than 6.5.
    pub fn of(socket: &impl AsRawFd) -> io::Result<Self> {
        let mut descriptor: libc::c_int = -1;
        let mut length: libc::socklen_t = 4;
        // SAFETY: the kernel writes at most `length` bytes to `descriptor`, which has 4.
        let done = unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                SO_PEERPIDFD,
                (&raw mut descriptor).cast(),
                &raw mut length,
            )
        };
        if done != 0 || descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just opened this descriptor for this process.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(descriptor) }))
    }

    /// Whether the process has not exited. If so, everything that was read from its `/proc` directory was about it.
    #[must_use]
    pub fn lives(&self) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        loop {
            let mut ended = [PollFd::new(&self.0, PollFlags::IN)];
            match poll(&mut ended, Some(&now)) {
                Err(Errno::INTR) => {}
                done => return done == Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::Peer;

    #[test]
    fn knows_a_peer_that_lives() {
        let (one, _other) = UnixStream::pair().unwrap();
        // Kernels before 6.5 have no such option.
        if let Ok(peer) = Peer::of(&one) {
            assert!(peer.lives());
        }
    }
}
