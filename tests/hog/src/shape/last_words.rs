//! A process that needs memory while it is dying.
//!
//! A thread's robust list names the locks that it holds. The kernel walks the list when the thread exits, and writes a word
//! into each lock. Here each lock is in a page that a copy of this process shares, so each write needs a new page. The task that
//! reaches the limit is therefore certain to be dying
//! (`exit_robust_list`, <https://github.com/torvalds/linux/blob/v6.12/kernel/futex/core.c#L772>).

use std::io::{PipeReader, Read, Write};
use std::ptr;

use anyhow::{Context, Result, ensure};
use clap::Args;
use rustix::mm::MapFlags;

use super::fork::{self, Fork};
use super::{Taken, mapping::Mapping};

/// Size of the pages with locks, one lock in each: as many as the kernel walks (`ROBUST_LIST_LIMIT`,
/// <https://github.com/torvalds/linux/blob/v6.12/include/uapi/linux/futex.h#L132>), which is 8 MiB.
const LOCKS_MIB: usize = 8;
/// Distance between two locks.
const PAGE_BYTES: usize = 4096;
/// Offset of a lock from its entry in the list.
const LOCK_OFFSET: usize = 64;

/// A process that allocates memory. Then its copy kills it, and its exit needs up to 8 MiB more. `child PID` is printed for the
/// copy.
#[derive(Args)]
pub(crate) struct LastWords {
    /// How much to take besides the locks' 8 MiB, in MiB
    #[arg(long)]
    mib: usize,
}

/// `struct robust_list_head`. An entry is the address of the next one.
#[repr(C)]
struct Head {
    first: usize,
    lock_offset: usize,
    pending: usize,
}

impl LastWords {
    pub(crate) fn take(&self) -> Result<Taken> {
        let locks = Mapping::anonymous(LOCKS_MIB, MapFlags::PRIVATE)?;
        let (reader, mut writer) = std::io::pipe().context("making a pipe")?;
        hold_all(&locks)?;
        let own = std::process::id();
        match fork::fork()? {
            Fork::Original(pid) => crate::say(&format!("child {pid}"))?,
            Fork::Copy => kill_when_told(reader, own),
        }
        let mapping = Mapping::anonymous(self.mib, MapFlags::PRIVATE)?;
        mapping.touch();
        writer.write_all(&[1]).context("giving the copy the word")?;
        fork::stay()
    }
}

/// Chains the locks, each held by this thread, and passes the list to the kernel.
fn hold_all(locks: &Mapping) -> Result<()> {
    let own = std::process::id();
    // The kernel reads the head when the process exits, so it must not be freed.
    let head =
        Box::leak(Box::new(Head { first: locks.start().addr(), lock_offset: LOCK_OFFSET, pending: 0 }));
    let end = ptr::from_mut(head).addr();
    for offset in (0..locks.len()).step_by(PAGE_BYTES) {
        let next =
            if offset + PAGE_BYTES < locks.len() { locks.start().addr() + offset + PAGE_BYTES } else { end };
        // SAFETY: entry and lock lie in the page at `offset`, inside the mapping, which is writable and only used here.
        unsafe {
            let entry = locks.start().add(offset);
            entry.cast::<usize>().write_volatile(next);
            entry.add(LOCK_OFFSET).cast::<u32>().write_volatile(own);
        }
    }
    // SAFETY: the kernel only stores the address. Head and locks exist until the process exits.
    let result = unsafe { libc::syscall(libc::SYS_set_robust_list, end, size_of::<Head>()) };
    ensure!(result == 0, std::io::Error::last_os_error());
    Ok(())
}

/// Waits in the copy for the word, and kills the original.
fn kill_when_told(mut word: PipeReader, pid: u32) -> ! {
    if word.read_exact(&mut [0]).is_ok() {
        // SAFETY: kill takes numbers only.
        unsafe { libc::kill(pid.cast_signed(), libc::SIGKILL) };
    }
    fork::stay()
}
