//! The guest's disk, if it has one.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use oomtrace_scenarios::reset::DISK_DIRECTORY;
use rustix::mount::{MountFlags, mount};

/// The disk. Its driver and its file system are built into the kernels.
const DEVICE: &str = "/dev/nvme0n1";
const FILE_SYSTEM: &str = "ext4";

/// How long the kernel may take to find the disk.
const APPEARING: Duration = Duration::from_secs(30);

/// Mount the disk.
pub(crate) fn mount_it() -> Result<()> {
    let deadline = Instant::now() + APPEARING;
    while !Path::new(DEVICE).exists() {
        ensure!(Instant::now() < deadline, "{DEVICE} did not appear within {APPEARING:?}");
        // Without udev, no event announces a new device.
        std::thread::sleep(Duration::from_millis(10));
    }
    fs::create_dir_all(DISK_DIRECTORY).with_context(|| format!("making {DISK_DIRECTORY}"))?;
    mount(DEVICE, DISK_DIRECTORY, FILE_SYSTEM, MountFlags::empty(), None)
        .with_context(|| format!("mounting {DEVICE} on {DISK_DIRECTORY}"))
}
