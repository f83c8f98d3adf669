//! Runs one guest in QEMU and reads its two serial ports.

mod flags;

use std::ffi::OsString;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use oomtrace_scenarios::scenario::Machine;

pub(crate) use self::flags::{describe, install};
use crate::kernels::Kernel;

/// The results of a guest.
pub(crate) struct Ran {
    /// The first serial port: the kernel's console.
    pub(crate) console: String,
    /// The second serial port: the guest's documents.
    pub(crate) output: Vec<u8>,
    /// Whether it was killed at its time limit.
    pub(crate) timed_out: bool,
    /// QEMU's own messages.
    pub(crate) complaint: String,
}

/// Boot a guest and wait for its end.
pub(crate) fn boot(kernel: &Kernel, initramfs: &Path, machine: &Machine, limit: Duration) -> Result<Ran> {
    boot_with(kernel, initramfs, machine, None, limit)
}

/// The same with a disk, a file that keeps the guest's changes.
pub(crate) fn boot_with(
    kernel: &Kernel,
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
        // The ports are QEMU's standard input and output. Sockets work in both directions.
        .stdin(Stdio::from(OwnedFd::from(console_end)))
        .stdout(Stdio::from(OwnedFd::from(output_end)))
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {}", flags::program(kernel.arch)))?;
    // The command holds QEMU's ends of the ports. They must close when QEMU exits.
    drop(command);
    let ran = listen(&mut qemu, [console, output], deadline);
    // Both calls fail only if QEMU has already exited, which is their purpose.
    drop((qemu.kill(), qemu.wait()));
    ran
}

/// Read both ports until QEMU closes them or the time is up.
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

fn command(kernel: &Kernel, initramfs: &Path, machine: &Machine) -> Command {
    let mut command = Command::new(flags::program(kernel.arch));
    command.args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]);
    command.args(flags::board(kernel.arch)).args(nodes(machine));
    command.args(["-smp", &machine.cpus.to_string(), "-m", &format!("{}M", machine.memory_mib)]);
    let in_hardware = flags::kvm_is_usable(kernel.arch);
    command.args(flags::processor(kernel.arch, in_hardware));
    if machine.instruction_clock && !in_hardware {
        // Each instruction takes 2^0 ns. Idle time is skipped.
        command.args(["-icount", "shift=0,sleep=off"]);
    }
    command.arg("-kernel").arg(&kernel.vmlinuz).arg("-initrd").arg(initramfs);
    command.arg("-append").arg(format!("{} {}", flags::command_line(kernel.arch), machine.command_line));
    command.args(["-chardev", "socket,id=console,fd=0", "-chardev", "socket,id=output,fd=1"]);
    command.args(flags::ports(kernel.arch));
    command
}

/// Adds an NVMe disk. Every kernel of the matrix has its driver built in.
fn add_disk(qemu: &mut Command, disk: &Path) {
    let mut drive = OsString::from("format=raw,if=none,id=disk,file=");
    // A comma would end the name, and QEMU reads two as one.
    drive.push(disk.to_string_lossy().replace(',', ",,"));
    qemu.arg("-drive").arg(drive).args(["-device", "nvme,drive=disk,serial=oomtrace"]);
}

/// Splits memory and processors evenly over the nodes.
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
