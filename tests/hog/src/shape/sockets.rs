//! Messages that wait in sockets: kernel memory that does not count as memory of any process.

use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use super::{Taken, loopback, open_files};

/// Bytes of a stream or of a message, unless the arguments say otherwise.
const BYTES: usize = 4096;
/// Bytes that a message leaves free in its pages. The kernel puts its own data behind the message.
const BEHIND: usize = 512;
/// Size of the send buffer of one stream, in bytes.
const STREAM_BYTES: libc::c_int = 4 << 20;

/// Pairs of sockets. One end sends until its buffer is full, and the other never receives.
#[derive(Args)]
pub(crate) struct Sockets {
    /// What kind
    #[arg(long)]
    kind: Kind,
    /// How much waits in all of them, in MiB
    #[arg(long)]
    mib: usize,
    /// How many contiguous pages one datagram fills; by default, a datagram has 4 KiB
    #[arg(long)]
    message_pages: Option<usize>,
}

/// A kind of socket.
#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// Unix datagrams, whose bytes lie in slab objects
    Datagram,
    /// Unix streams, whose bytes lie in pages
    Stream,
    /// TCP over the loopback device, which memory cgroups count as `sock`
    Tcp,
}

impl Sockets {
    pub(crate) fn take(&self) -> Result<Taken> {
        open_files::allow()?;
        let pages = |pages: usize| (pages * rustix::param::page_size()).saturating_sub(BEHIND);
        // A message of a whole page lies in pages, whatever their size (`unix_stream_sendmsg`).
        let bytes = if matches!(self.kind, Kind::Stream) { rustix::param::page_size() } else { BYTES };
        let message = vec![1; self.message_pages.map_or(bytes, pages)];
        let mut tcp = matches!(self.kind, Kind::Tcp).then(Listener::new).transpose()?;
        let (mut left, mut files) = (self.mib << 20, Vec::new());
        while left > 0 {
            let (ends, sent) = match (self.kind, &mut tcp) {
                (Kind::Tcp, Some(listener)) => listener.pair(&message, left)?,
                (Kind::Stream, _) => stream(&message, left)?,
                _ => datagrams(&message, left)?,
            };
            ensure!(sent > 0, "a new socket takes nothing");
            left = left.saturating_sub(sent);
            files.extend(ends);
        }
        Ok(files.into())
    }
}

fn datagrams(message: &[u8], most: usize) -> Result<(Vec<OwnedFd>, usize)> {
    let (sender, receiver) = UnixDatagram::pair().context("making a pair of sockets")?;
    sender.set_nonblocking(true).context("making a socket not wait")?;
    let sent = until_full(most, || sender.send(message))?;
    Ok((vec![sender.into(), receiver.into()], sent))
}

fn stream(message: &[u8], most: usize) -> Result<(Vec<OwnedFd>, usize)> {
    let (mut sender, receiver) = UnixStream::pair().context("making a pair of sockets")?;
    sender.set_nonblocking(true).context("making a socket not wait")?;
    make_room(&sender, libc::SO_SNDBUFFORCE)?;
    let sent = until_full(most, || sender.write(message))?;
    Ok((vec![sender.into(), receiver.into()], sent))
}

/// The listener for the TCP connections of this process.
struct Listener(TcpListener);

impl Listener {
    fn new() -> Result<Self> {
        loopback::bring_up()?;
        Ok(Self(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("listening")?))
    }

    fn pair(&self, message: &[u8], most: usize) -> Result<(Vec<OwnedFd>, usize)> {
        let mut sender = TcpStream::connect(self.0.local_addr()?).context("connecting")?;
        let (receiver, _) = self.0.accept().context("accepting")?;
        sender.set_nonblocking(true).context("making a socket not wait")?;
        make_room(&sender, libc::SO_SNDBUFFORCE)?;
        let sent = until_full(most, || sender.write(message))?;
        Ok((vec![sender.into(), receiver.into()], sent))
    }
}

/// Sends until the socket is full or `most` bytes were sent. Returns the number of bytes sent.
fn until_full(most: usize, mut send: impl FnMut() -> std::io::Result<usize>) -> Result<usize> {
    let mut sent = 0;
    while sent < most {
        match send() {
            Ok(bytes) => sent += bytes,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error).context("sending"),
        }
    }
    Ok(sent)
}

/// Makes a socket's buffer larger than the system-wide limit.
fn make_room(socket: &impl AsFd, option: libc::c_int) -> Result<()> {
    let bytes = STREAM_BYTES;
    let (socket, size) = (socket.as_fd().as_raw_fd(), libc::socklen_t::try_from(size_of::<libc::c_int>())?);
    // SAFETY: the kernel reads the one number, whose size is `size`.
    let result =
        unsafe { libc::setsockopt(socket, libc::SOL_SOCKET, option, (&raw const bytes).cast(), size) };
    ensure!(result == 0, "making room in a socket: {}", std::io::Error::last_os_error());
    Ok(())
}
