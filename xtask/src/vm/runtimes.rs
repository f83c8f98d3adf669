//! Kills in containers, units, scopes and sessions in a guest with Debian's systemd on cgroup v2: each report must have the
//! name that its engine uses.
//!
//! The recording is taken out of the guest and replayed here, which is another machine to it.

mod judge;

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, Result};
use oomtrace_object::Arch;
use oomtrace_scenarios::scenario::Machine;
use tempfile::TempDir;

use super::{
    debian_guest,
    guest::programs::{self, Programs},
};
use crate::{
    host::{debian, run::say, setup},
    kernels::Kernel,
};

/// The newest suite.
const SUITE: &str = "trixie";

/// The programs of the guest.
const PACKAGES: &str = "systemd-sysv,dbus,dbus-user-session,libpam-systemd,systemd-container,procps,podman,crun,runc,uidmap,\
                        busybox-static";

/// The packages of this machine.
const HERE: [&str; 3] = ["mmdebstrap", "e2fsprogs", "busybox-static"];

/// Runs the script without waiting for a login prompt. Without udev, no device is ever ready for one.
const UNIT: &str = "[Unit]\nAfter=basic.target dbus.socket systemd-logind.service systemd-machined.service\n\
                    Wants=systemd-logind.service systemd-machined.service\n\
                    [Service]\nType=oneshot\nTimeoutStartSec=infinity\nExecStart=/bin/sh /root/check/guest.sh\n";

/// A service that exceeds its limit.
const EATER: &str =
    "[Service]\nType=oneshot\nMemoryMax=24M\nExecStart=/usr/local/bin/eat-unit anon --mib 64\n";

const MEMORY_MIB: u32 = 2048;
const COMMAND_LINE: &str = "root=/dev/nvme0n1 rw rootwait init=/sbin/init systemd.firstboot=off systemd.mask=serial-getty@ttyS0.service";

/// The time limit of the guest. An emulated one boots in a minute.
const PATIENCE: Duration = Duration::from_mins(20);

/// `cargo xtask vm SERIES --runtimes`
pub(super) fn task(kernels: &[Kernel]) -> Result<()> {
    setup::apt(&HERE)?;
    let programs = programs::build_for(Arch::X86_64, true)?;
    let scratch = TempDir::new().context("creating a directory for the guest's system")?;
    say("making a Debian system with container runtimes");
    let disk = disk(&programs, scratch.path())?;
    for kernel in kernels {
        let rows = in_guest(kernel, &disk, scratch.path()).with_context(|| kernel.series.clone())?;
        for row in &rows {
            println!("{:<6} {row}", kernel.series);
        }
    }
    Ok(())
}

/// Makes the guest's disk.
fn disk(programs: &Programs, scratch: &Path) -> Result<std::path::PathBuf> {
    let root = debian::root(SUITE, PACKAGES, scratch)?;
    let check = root.join("root/check");
    fs::create_dir(&check)?;
    fs::write(check.join("guest.sh"), include_str!("runtimes/guest.sh"))?;
    program(&root.join("usr/local/bin/oomtrace"), programs.tracer.as_ref().context("no tracer was built")?)?;
    image(&root, &check.join("rootfs"), &programs.hog)?;
    image(&root, &root.join("var/lib/machines/box"), &programs.hog)?;
    for kind in judge::KINDS {
        program(&root.join("usr/local/bin").join(format!("eat-{}", kind.name)), &programs.hog)?;
    }
    let units = root.join("etc/systemd/system");
    fs::write(units.join("eater.service"), EATER)?;
    fs::write(units.join("check.service"), UNIT)?;
    let wants = units.join("default.target.wants");
    fs::create_dir_all(&wants)?;
    symlink("../check.service", wants.join("check.service"))?;
    let disk = scratch.join("disk");
    debian::disk(&root, &disk, "4G")?;
    Ok(disk)
}

/// Makes the root file system of a container: busybox, and the memory program under the name of each kind.
fn image(root: &Path, folder: &Path, hog: &[u8]) -> Result<()> {
    for name in ["bin", "tmp", "etc", "dev", "proc", "sys", "usr"] {
        fs::create_dir_all(folder.join(name)).with_context(|| format!("making /{name} of the image"))?;
    }
    let busybox = ["usr/bin/busybox", "bin/busybox"].map(|path| root.join(path));
    let busybox = busybox.iter().find(|path| path.is_file()).context("no busybox")?;
    fs::copy(busybox, folder.join("bin/busybox")).context("copying busybox")?;
    for name in ["sh", "sleep"] {
        symlink("busybox", folder.join("bin").join(name)).context("making the image")?;
    }
    let mut kinds = judge::KINDS.iter();
    kinds.try_for_each(|kind| program(&folder.join("bin").join(format!("eat-{}", kind.name)), hog))
}

fn program(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).context("making a program executable")
}

/// Runs the guest on a copy of the disk and judges its reports. Returns a row for each kind.
fn in_guest(kernel: &Kernel, disk: &Path, scratch: &Path) -> Result<Vec<String>> {
    say(&format!("kills in containers and units on {}", kernel.series));
    let machine =
        Machine { memory_mib: MEMORY_MIB, command_line: COMMAND_LINE.to_owned(), ..Machine::default() };
    let ran = debian_guest::run(kernel, disk, scratch, (&machine, PATIENCE), "runtimes: finished")?;
    let debian_guest::Output { said, files } = ran;
    let tracer = programs::tracer_in(scratch)?;
    judge::judge(&files.path().join("out"), &tracer).with_context(|| format!("the guest's output:\n{said}"))
}
