//! Rings for received packets: kernel pages that no counter covers.

use std::io::Error;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use anyhow::{Result, ensure};
use clap::Args;

use super::Taken;

/// Size of one block, as a capture program chooses it. Each block is one allocation (`alloc_one_pg_vec_page`,
/// <https://github.com/torvalds/linux/blob/v6.12/net/packet/af_packet.c#L4363>).
const BLOCK_BYTES: u32 = 1 << 16;
/// Size of the slot for one packet.
const FRAME_BYTES: u32 = 1 << 11;

/// A socket with a ring that never receives a packet.
#[derive(Args)]
pub(crate) struct PacketRing {
    /// How much, in MiB
    #[arg(long)]
    mib: u32,
}

/// `struct tpacket_req`.
#[repr(C)]
struct Request {
    block_bytes: u32,
    blocks: u32,
    frame_bytes: u32,
    frames: u32,
}

impl PacketRing {
    pub(crate) fn take(&self) -> Result<Taken> {
        let blocks = (self.mib << 20) / BLOCK_BYTES;
        let frames = blocks * (BLOCK_BYTES / FRAME_BYTES);
        let request = Request { block_bytes: BLOCK_BYTES, blocks, frame_bytes: FRAME_BYTES, frames };
        let socket = socket()?;
        let size = libc::socklen_t::try_from(size_of::<Request>())?;
        // SAFETY: the kernel reads the one request, whose size is `size`.
        let result = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_RX_RING,
                (&raw const request).cast(),
                size,
            )
        };
        ensure!(result == 0, "making a packet ring: {}", Error::last_os_error());
        Ok(vec![socket].into())
    }
}

fn socket() -> Result<OwnedFd> {
    // SAFETY: the call takes numbers only. Protocol 0 receives nothing.
    let socket = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    ensure!(socket >= 0, "making a packet socket: {}", Error::last_os_error());
    // SAFETY: the kernel has just created the descriptor, and no other code owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(socket) })
}
