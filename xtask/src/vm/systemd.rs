//! Guests with Debian and real systemd.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use oomtrace_scenarios::scenario::Machine;

use super::guest::{
    programs::{self, Programs},
    qemu,
};
use crate::{
    host::{debian, run::run, setup, workspace},
    kernels,
};

/// The suite and its kernel.
const SUITE: &str = "trixie";
const SERIES: &str = "6.12";

/// The memory of the guest. The second is for a machine that runs out of it.
const MEMORY_MIB: u32 = 1024;
const SMALL_MIB: u32 = 512;
const COMMAND_LINE: &str = "root=/dev/nvme0n1 rw rootwait init=/sbin/init systemd.firstboot=off systemd.mask=serial-getty@ttyS0.service";

/// The files of every guest besides Debian's: the path and the content.
const FILES: [(&str, &str); 5] = [
    ("etc/systemd/system/check.service", CHECK),
    ("etc/systemd/system/eater.service", EATER),
    ("etc/systemd/system/oomtrace.service", include_str!("../../../contrib/oomtrace.service")),
    (
        "etc/systemd/system/oomtrace-oomd-hook.socket",
        include_str!("../../../contrib/oomtrace-oomd-hook.socket"),
    ),
    ("etc/default/oomtrace", ""),
];

/// Runs the script without waiting for a login prompt, and ends the guest after it. Without udev, no device is ever ready for a login.
const CHECK: &str = "[Unit]\nAfter=basic.target\n[Service]\nType=oneshot\nTimeoutStartSec=infinity\nOOMPolicy=continue\n\
                     ExecStart=/bin/bash /root/check/script\n\
                     ExecStopPost=/bin/sh -c 'sleep 1; systemctl reboot --force --force'\n";

/// A service that runs out of memory: the buffer of one block exceeds the limit.
const EATER: &str = "[Service]\nType=oneshot\nMemoryMax=24M\nMemorySwapMax=0\n\
                     ExecStart=/bin/dd if=/dev/zero of=/dev/null bs=64M count=1\n";

/// A service without privileges whose child runs out of memory.
const ASKER: &str = "[Service]\nType=oneshot\nDynamicUser=yes\nPrivateTmp=yes\nMemoryMax=24M\nMemorySwapMax=0\n\
                     OOMPolicy=continue\nStandardOutput=truncate:/run/asked\nExecStart=/bin/sh /usr/local/bin/asker\n";

/// Runs the unit files: readiness, sandbox, journal, questions, restart, and announced kills.
pub(super) fn check() -> Result<()> {
    let files = [
        ("root/check/script", include_str!("systemd/service.sh")),
        ("usr/local/bin/asker", include_str!("systemd/asker.sh")),
        ("usr/local/bin/announce", include_str!("systemd/announce.pl")),
        ("etc/systemd/system/asker.service", ASKER),
    ];
    boot(SERIES, &files, "systemd: passed", MEMORY_MIB, Duration::from_mins(15))
}

/// Ends this many processes in random ways that look alike, and asks the running tracer about each.
pub(super) fn endings(series: &[String], count: u32, seed: u16) -> Result<()> {
    let plan = format!("COUNT={count}\nSEED={seed}\n");
    let files =
        [("root/check/script", include_str!("systemd/endings.sh")), ("root/check/plan", plan.as_str())];
    let patience = Duration::from_mins(10) + Duration::from_secs(10) * count;
    let series = if series.is_empty() { &[SERIES.to_owned()] } else { series };
    series.iter().try_for_each(|series| boot(series, &files, "endings: passed", SMALL_MIB, patience))
}

/// Measures what the tracing thread takes from the kernel in storms of kills.
pub(super) fn reserve(series: &[String]) -> Result<()> {
    let files = [("root/check/script", include_str!("systemd/reserve.sh"))];
    let series = if series.is_empty() { &[SERIES.to_owned()] } else { series };
    series
        .iter()
        .try_for_each(|series| boot(series, &files, "reserve: passed", MEMORY_MIB, Duration::from_mins(25)))
}

/// Boots the guest with these files, and waits until its script has passed.
fn boot(
    series: &str,
    files: &[(&str, &str)],
    passed: &str,
    memory_mib: u32,
    patience: Duration,
) -> Result<()> {
    setup::apt(&["mmdebstrap", "e2fsprogs"])?;
    let scratch = tempfile::tempdir()?;
    let root = scratch.path().join("root");
    unpack(&root)?;
    for (path, content) in FILES.iter().chain(files) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().context("a file without a directory")?)?;
        fs::write(&path, content).with_context(|| format!("writing {}", path.display()))?;
    }
    let wants = root.join("etc/systemd/system/default.target.wants");
    fs::create_dir_all(&wants)?;
    symlink("../check.service", wants.join("check.service"))?;
    install(&root)?;
    let disk = scratch.path().join("disk");
    run(Command::new("/sbin/mkfs.ext4").args(["-q", "-F", "-d"]).arg(&root).arg(&disk).arg("1G"))?;
    let machine = Machine { memory_mib, command_line: COMMAND_LINE.to_owned(), ..Machine::default() };
    let (said, ran) = run_guest(series, &disk, &scratch.path().join("initramfs"), &machine, patience)?;
    print!("{said}");
    let has_passed = said.lines().any(|line| line.trim() == passed);
    ensure!(has_passed, "the guest did not pass\n{}\n{}", ran.console, ran.complaint);
    Ok(())
}

/// Installs the programs.
fn install(root: &Path) -> Result<()> {
    let Programs { hog, tracer, .. } = programs::build(true)?;
    let tracer = tracer.context("no tracer was built")?;
    for (path, bytes) in [("usr/bin/oomtrace", tracer), ("usr/local/bin/hog", hog)] {
        let path = root.join(path);
        fs::write(&path, bytes).with_context(|| format!("writing {}", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// Unpacks a small Debian. The archive is kept, because making it takes minutes.
fn unpack(root: &Path) -> Result<()> {
    let archive = workspace::cache()?.join(format!("{SUITE}-systemd.tar"));
    if !archive.is_file() {
        let whole = archive.with_extension("new.tar");
        debian::bootstrap(SUITE, "systemd-sysv", &whole)?;
        fs::rename(&whole, &archive)?;
    }
    fs::create_dir(root)?;
    run(Command::new("tar").arg("--extract").arg("--file").arg(&archive).arg("--directory").arg(root))
}

/// Boots the guest. The kernel uses an empty archive as its initramfs and mounts the disk.
fn run_guest(
    series: &str,
    disk: &Path,
    initramfs: &Path,
    machine: &Machine,
    patience: Duration,
) -> Result<(String, qemu::Ran)> {
    fs::write(initramfs, [0; 512])?;
    let kernel = kernels::ensure(series)?;
    let ran = qemu::boot_with(&kernel, initramfs, machine, Some(disk), patience).context("booting Debian")?;
    Ok((String::from_utf8_lossy(&ran.output).into_owned(), ran))
}
