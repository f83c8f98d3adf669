//! Checks the packaged service in a guest with real systemd: enabled, set to record, upgraded, removed and purged.

use std::{fs, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};
use oomtrace_object::Arch;
use oomtrace_scenarios::scenario::Machine;

use super::{Built, deb};
use crate::{host::run::run, kernels, vm};

/// The newest suite and its kernel.
const SUITE: &str = "trixie";
const SERIES: &str = "6.12";

/// The steps in the guest, in the order of the unit's life.
const SCRIPT: &str = include_str!("service.sh");

/// Runs the script without waiting for a login prompt. Without udev, no device is ever ready for one.
const UNIT: &str =
    "[Unit]\nAfter=basic.target\n[Service]\nType=oneshot\nExecStart=/bin/sh /root/check/service.sh\n";

/// A service that runs out of memory: the buffer of one block exceeds the limit.
const EATER: &str = "[Service]\nType=oneshot\nMemoryMax=24M\nMemorySwapMax=0\n\
                     ExecStart=/bin/dd if=/dev/zero of=/dev/null bs=64M count=1\n";

const MEMORY_MIB: u32 = 1024;
const COMMAND_LINE: &str = "root=/dev/nvme0n1 rw rootwait init=/sbin/init systemd.firstboot=off systemd.mask=serial-getty@ttyS0.service";

/// The time limit of the guest. An emulated one boots in a minute.
const PATIENCE: Duration = Duration::from_mins(8);

pub(super) fn check(built: &Built<'_>) -> Result<()> {
    vm::install_qemu(Arch::X86_64)?;
    let scratch = tempfile::tempdir()?;
    let root = deb::root(SUITE, scratch.path())?;
    let directory = root.join("root/check");
    fs::create_dir(&directory)?;
    deb::packages(built, &scratch.path().join("older"), &directory)?;
    fs::write(directory.join("service.sh"), SCRIPT)?;
    let units = root.join("etc/systemd/system");
    fs::write(units.join("eater.service"), EATER)?;
    fs::write(units.join("check.service"), UNIT)?;
    let wants = units.join("default.target.wants");
    fs::create_dir_all(&wants)?;
    std::os::unix::fs::symlink("../check.service", wants.join("check.service"))?;
    let disk = scratch.path().join("disk");
    let mut mkfs = Command::new("/sbin/mkfs.ext4");
    run(mkfs.args(["-q", "-F", "-d"]).arg(&root).arg(&disk).arg("1G"))?;
    boot(&disk, &scratch.path().join("initramfs"))
}

/// Boots the guest. The kernel uses an empty archive as its initramfs and mounts the disk.
fn boot(disk: &Path, initramfs: &Path) -> Result<()> {
    fs::write(initramfs, [0; 512])?;
    let kernel = kernels::ensure(SERIES)?;
    let command_line = COMMAND_LINE.to_owned();
    let machine = Machine { memory_mib: MEMORY_MIB, command_line, ..Machine::default() };
    let ran = vm::boot_with(&kernel, initramfs, &machine, Some(disk), PATIENCE);
    let ran = ran.context("booting Debian")?;
    let said = String::from_utf8_lossy(&ran.output);
    let has_passed = said.lines().any(|line| line.trim() == "service: passed");
    ensure!(has_passed, "{said}\n{}\n{}", ran.console, ran.complaint);
    print!("{said}");
    Ok(())
}
