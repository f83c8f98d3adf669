//! earlyoom, systemd-oomd and systemd's `OOMPolicy=` in a guest with Debian: each kill must be one report that names the killer, and
//! ordinary stops must not be reported.

mod judge;

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
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
    host::{
        debian,
        run::{run, say},
        setup, workspace,
    },
    kernels::Kernel,
};

/// The suite of the guest, unless another one is given.
pub(super) const SUITE: &str = "trixie";

/// The programs of the guest.
const PACKAGES: &str = "systemd-sysv,systemd-oomd,earlyoom,dbus";

/// The packages of this machine.
const HERE: [&str; 2] = ["mmdebstrap", "e2fsprogs"];

/// Runs the script without waiting for a login prompt. Without udev, no device is ever ready for one.
const CHECK: &str = "[Unit]\nAfter=basic.target dbus.socket\n[Service]\nType=oneshot\nTimeoutStartSec=infinity\nOOMPolicy=continue\n\
                     OOMScoreAdjust=-1000\nExecStart=/bin/bash /root/check/guest.sh\n";

/// systemd-oomd acts on this slice when its processes wait for memory.
const PRESSED: &str = "[Slice]\nManagedOOMMemoryPressure=kill\nManagedOOMMemoryPressureLimit=1%\n";

/// systemd-oomd acts after this time, not after 30 s. Since version 260, it announces a kill, if it may wait for the reply.
const OOMD: &str = "[OOM]\nDefaultMemoryPressureDurationSec=2s\nPrekillHookTimeoutSec=5s\n";

/// earlyoom sends SIGTERM below 15 % of available memory, and SIGKILL below 8 %.
const EARLYOOM: &str = "EARLYOOM_ARGS=\"-r 0 -m 15,8\"\n";

/// The files of the guest besides Debian's: the path and the content.
const FILES: [(&str, &str); 8] = [
    ("root/check/guest.sh", include_str!("killers/guest.sh")),
    ("etc/systemd/system/check.service", CHECK),
    ("etc/systemd/system/pressed.slice", PRESSED),
    ("etc/systemd/oomd.conf.d/99-check.conf", OOMD),
    ("etc/default/earlyoom", EARLYOOM),
    ("etc/systemd/system/oomtrace.service", include_str!("../../../contrib/oomtrace.service")),
    (
        "etc/systemd/system/oomtrace-oomd-hook.socket",
        include_str!("../../../contrib/oomtrace-oomd-hook.socket"),
    ),
    ("etc/default/oomtrace", ""),
];

const MEMORY_MIB: u32 = 1024;
const COMMAND_LINE: &str = "root=/dev/nvme0n1 rw rootwait init=/sbin/init psi=1 systemd.firstboot=off systemd.mask=serial-getty@ttyS0.service";

/// The time limit of the guest. An emulated one boots in a minute.
const PATIENCE: Duration = Duration::from_mins(15);

/// `cargo xtask vm SERIES --killers`
pub(super) fn task(kernels: &[Kernel], suite: &str) -> Result<()> {
    setup::apt(&HERE)?;
    let programs = programs::build_for(Arch::X86_64, true)?;
    let scratch = TempDir::new().context("creating a directory for the guest's system")?;
    say("making a Debian system with programs that kill for memory");
    let disk = disk(&programs, suite, scratch.path())?;
    for kernel in kernels {
        let rows = in_guest(kernel, &disk, scratch.path()).with_context(|| kernel.series.clone())?;
        for row in &rows {
            println!("{:<6} {row}", kernel.series);
        }
    }
    Ok(())
}

/// Makes the guest's disk.
fn disk(programs: &Programs, suite: &str, scratch: &Path) -> Result<PathBuf> {
    let root = scratch.join("root");
    unpack(suite, &root)?;
    for (path, content) in FILES {
        let path = root.join(path);
        fs::create_dir_all(path.parent().context("a file without a directory")?)?;
        fs::write(&path, content).with_context(|| format!("writing {}", path.display()))?;
    }
    program(&root.join("usr/bin/oomtrace"), programs.tracer.as_ref().context("no tracer was built")?)?;
    program(&root.join("usr/local/bin/hog"), &programs.hog)?;
    let wants = root.join("etc/systemd/system/default.target.wants");
    fs::create_dir_all(&wants)?;
    symlink("../check.service", wants.join("check.service"))?;
    let disk = scratch.join("disk");
    debian::disk(&root, &disk, "2G")?;
    Ok(disk)
}

/// Unpacks a small Debian. The archive is kept, because making it takes minutes.
fn unpack(suite: &str, root: &Path) -> Result<()> {
    let archive = workspace::cache()?.join(format!("{suite}-killers.tar"));
    if !archive.is_file() {
        let whole = archive.with_extension("new.tar");
        debian::bootstrap(suite, PACKAGES, &whole)?;
        fs::rename(&whole, &archive)?;
    }
    fs::create_dir(root)?;
    run(Command::new("tar").arg("--extract").arg("--file").arg(&archive).arg("--directory").arg(root))
}

fn program(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).context("making a program executable")
}

/// Runs the guest on a copy of the disk and judges its reports, which are kept. Returns a row for each act.
fn in_guest(kernel: &Kernel, disk: &Path, scratch: &Path) -> Result<Vec<String>> {
    say(&format!("earlyoom, systemd-oomd and systemd kill on {}", kernel.series));
    let machine =
        Machine { memory_mib: MEMORY_MIB, command_line: COMMAND_LINE.to_owned(), ..Machine::default() };
    let ran = debian_guest::run(kernel, disk, scratch, (&machine, PATIENCE), "killers: finished")?;
    let debian_guest::Output { said, files } = ran;
    let read = |name: &str| {
        let path = files.path().join("out").join(name);
        fs::read_to_string(path).with_context(|| format!("reading the guest's {name}"))
    };
    let (facts, reports) = (judge::Facts::parse(&read("facts")?), read("reports.json")?);
    let kept = workspace::target().join("vm").join(format!("{}-killers.jsonl", kernel.series));
    fs::create_dir_all(kept.parent().context("no directory")?)?;
    fs::write(&kept, &reports).with_context(|| format!("writing {}", kept.display()))?;
    judge::judge(&reports, &facts, &|name| read(name).unwrap_or_default())
        .with_context(|| format!("the guest's output:\n{said}\nthe reports are in {}", kept.display()))
}
