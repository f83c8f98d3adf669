//! One guest: QEMU, its flags, and what came through its two serial ports.

use std::ffi::OsString;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fs};

use anyhow::{Context, Result};
use oomtrace_scenarios::scenario::Machine;

use crate::{run, setup};

/// The program.
const QEMU: &str = "qemu-system-x86_64";
/// An oops or a panic resets the guest, and `-no-reboot` makes that the end of QEMU. The crypto
/// self-tests would be a fifth of the boot; the log must hold every report of a scenario. Whether the timer works is
/// checked by counting its interrupts for a moment, in which an emulator on a busy machine may not get to run:
/// <https://github.com/torvalds/linux/blob/v6.12/arch/x86/kernel/apic/io_apic.c> (`timer_irq_works`)
const COMMAND_LINE: &str = "console=ttyS0,115200 quiet oops=panic panic=-1 log_buf_len=4M cryptomgr.notests \
                            random.trust_cpu=on no_timer_check";

/// What a guest did.
pub(crate) struct Ran {
    /// The first serial port: the kernel's console.
    pub(crate) console: String,
    /// The second serial port: what the guest sent.
    pub(crate) output: Vec<u8>,
    /// Whether it had to be ended because its time was up.
    pub(crate) timed_out: bool,
    /// What QEMU itself had to say.
    pub(crate) complaint: String,
}

/// Install QEMU where it is missing.
pub(crate) fn install() -> Result<()> {
    let found = |folder: std::path::PathBuf| folder.join(QEMU).is_file();
    if env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(found)) {
        return Ok(());
    }
    setup::apt(&["qemu-system-x86"]).context("installing QEMU (Debian's package qemu-system-x86)")
}

/// Which QEMU runs guests, and how, in its own words.
pub(crate) fn describe() -> Result<String> {
    let said = run::output(Command::new(QEMU).arg("--version"))?;
    let version = said.lines().next().context("QEMU tells no version")?;
    let how = if kvm_is_usable() { "in hardware (KVM)" } else { "by emulation (TCG)" };
    Ok(format!("{version}, {how}"))
}

/// Boot a guest and wait until it is gone.
pub(crate) fn boot(kernel: &Path, initramfs: &Path, machine: &Machine, limit: Duration) -> Result<Ran> {
    boot_with(kernel, initramfs, machine, None, limit)
}

/// The same with a disk: a file that stays as the guest leaves it.
pub(crate) fn boot_with(
    kernel: &Path,
    initramfs: &Path,
    machine: &Machine,
    disk: Option<&Path>,
    limit: Duration,
) -> Result<Ran> {
    let deadline = Instant::now() + limit;
    let (console, console_end) = UnixStream::pair().context("making a serial port")?;
    let (output, output_end) = UnixStream::pair().context("making a serial port")?;
    let mut command = command(kernel, initramfs, machine);
    disk.into_iter().for_each(|disk| add_disk(&mut command, disk));
    let mut qemu = command
        // The ports are QEMU's standard input and output: sockets, so that each works both ways.
        .stdin(Stdio::from(OwnedFd::from(console_end)))
        .stdout(Stdio::from(OwnedFd::from(output_end)))
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {QEMU}"))?;
    // It holds QEMU's ends of the ports: they close when QEMU does.
    drop(command);
    let ran = listen(&mut qemu, [console, output], deadline);
    // Both calls fail only if QEMU is gone already, and that is what they are for.
    drop((qemu.kill(), qemu.wait()));
    ran
}

/// Take in both ports until QEMU closes them, or the time is up.
fn listen(qemu: &mut Child, ports: [UnixStream; 2], deadline: Instant) -> Result<Ran> {
    let (sender, received) = mpsc::channel();
    for (number, port) in (0..).zip(ports) {
        forward(number, port, sender.clone());
    }
    let complaint = qemu.stderr.take().context("QEMU has no standard error")?;
    forward(2, complaint, sender);
    let mut said: [Vec<u8>; 3] = Default::default();
    let timed_out = loop {
        match received.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok((number, bytes)) => said.get_mut(number).into_iter().for_each(|all| all.extend(&bytes)),
            Err(mpsc::RecvTimeoutError::Disconnected) => break false,
            Err(mpsc::RecvTimeoutError::Timeout) => break true,
        }
    };
    let [console, output, complaint] = said;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Ran { console: text(console), output, timed_out, complaint: text(complaint) })
}

fn forward(number: usize, mut port: impl Read + Send + 'static, sender: Sender<(usize, Vec<u8>)>) {
    thread::spawn(move || {
        let mut chunk = vec![0; 64 * 1024];
        while let Ok(len @ 1..) = port.read(&mut chunk) {
            let bytes = chunk.get(..len).unwrap_or_default().to_vec();
            if sender.send((number, bytes)).is_err() {
                break;
            }
        }
    });
}

/// QEMU with flags found stable. Under emulation of 7.2, a thread for each CPU lets one CPU run code that
/// another has just patched, and `cmpxchg16b` can return garbage in the flags; both crash guests at random.
fn command(kernel: &Path, initramfs: &Path, machine: &Machine) -> Command {
    let mut command = Command::new(QEMU);
    command.args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine", "q35"]);
    command.args(["-smp", &machine.cpus.to_string(), "-m", &format!("{}M", machine.memory_mib)]);
    command.args(nodes(machine));
    let in_hardware = kvm_is_usable();
    command.args(if in_hardware {
        ["-accel", "kvm", "-cpu", "host"]
    } else {
        ["-accel", "tcg,thread=single", "-cpu", "max,-cx16"]
    });
    if machine.instruction_clock && !in_hardware {
        // 2^0 ns for each instruction; an idle moment is skipped.
        command.args(["-icount", "shift=0,sleep=off"]);
    }
    command.arg("-kernel").arg(kernel).arg("-initrd").arg(initramfs);
    command.arg("-append").arg(format!("{COMMAND_LINE} {}", machine.command_line));
    command.args(["-chardev", "socket,id=console,fd=0", "-serial", "chardev:console"]);
    command.args(["-chardev", "socket,id=output,fd=1", "-serial", "chardev:output"]);
    command
}

/// NVMe: the driver is built into every kernel of the matrix.
fn add_disk(qemu: &mut Command, disk: &Path) {
    let mut drive = OsString::from("format=raw,if=none,id=disk,file=");
    // A comma would end the name; QEMU takes two for one.
    drive.push(disk.to_string_lossy().replace(',', ",,"));
    qemu.arg("-drive").arg(drive).args(["-device", "nvme,drive=disk,serial=oomtrace"]);
}

/// Memory and processors split evenly over the nodes.
fn nodes(machine: &Machine) -> Vec<String> {
    if machine.nodes < 2 {
        return Vec::new();
    }
    let size = machine.memory_mib / machine.nodes;
    let node = |node: u32| {
        let cpus = (0..machine.cpus).filter(move |cpu| cpu % machine.nodes == node);
        let cpus: String = cpus.map(|cpu| format!(",cpus={cpu}")).collect();
        let memory = format!("memory-backend-ram,id=node{node},size={size}M");
        let join = format!("node,nodeid={node},memdev=node{node}{cpus}");
        ["-object".to_owned(), memory, "-numa".to_owned(), join]
    };
    (0..machine.nodes).flat_map(node).collect()
}

/// Whether KVM can run a stock kernel. That `/dev/kvm` opens does not say so: where it comes without
/// virtualisation in hardware, only kernels made for it boot.
fn kvm_is_usable() -> bool {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = cpuinfo.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    let in_hardware = flags.split_ascii_whitespace().any(|flag| flag == "vmx" || flag == "svm");
    in_hardware && fs::OpenOptions::new().read(true).write(true).open("/dev/kvm").is_ok()
}
