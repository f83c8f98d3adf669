//! BPF arrays: memory that the kernel allocates with `vmalloc`.

use std::io::Error;
use std::os::fd::{FromRawFd, OwnedFd};

use anyhow::{Context, Result, ensure};
use clap::Args;
use rustix::process::{Resource, Rlimit, setrlimit};

use super::Taken;

/// `BPF_MAP_CREATE` and `BPF_MAP_TYPE_ARRAY`.
const CREATE: libc::c_int = 0;
const ARRAY: u32 = 2;
/// Size of one value, which is a page, and number of values in one array.
const VALUE_BYTES: u32 = 4096;
const VALUES: u32 = 256;

/// Arrays of 1 MiB each.
#[derive(Args)]
pub(crate) struct BpfMaps {
    /// How much, in MiB
    #[arg(long)]
    mib: usize,
}

/// The beginning of `union bpf_attr` for this command. The kernel takes the missing rest as zero.
#[repr(C)]
struct Attr {
    map_type: u32,
    key_bytes: u32,
    value_bytes: u32,
    entries: u32,
}

impl BpfMaps {
    pub(crate) fn take(&self) -> Result<Taken> {
        // Up to Linux 5.10, maps count as locked memory of their user.
        let limit = Rlimit { current: None, maximum: None };
        setrlimit(Resource::Memlock, limit).context("raising the limit on locked memory")?;
        Ok((0..self.mib).map(|_| array()).collect::<Result<Vec<_>>>()?.into())
    }
}

fn array() -> Result<OwnedFd> {
    let attr = Attr { map_type: ARRAY, key_bytes: 4, value_bytes: VALUE_BYTES, entries: VALUES };
    // SAFETY: the kernel reads as many bytes as the size says, which is all of `attr`.
    let file = unsafe { libc::syscall(libc::SYS_bpf, CREATE, &raw const attr, size_of::<Attr>()) };
    ensure!(file >= 0, "making a BPF map: {}", Error::last_os_error());
    // SAFETY: the kernel has just created the descriptor, and no other code owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(i32::try_from(file)?) })
}
