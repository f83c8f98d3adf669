//! Runs one guest in QEMU and reads its two serial ports.

mod flags;
mod snapshot;

use std::ffi::OsString;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};
use std::{mem, thread};

use anyhow::{Context, Result};
use oomtrace_scenarios::scenario::Machine;

pub(crate) use self::flags::{describe, install};
pub(in crate::vm) use self::snapshot::Snapshot;
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
    let mut command = command(kernel, initramfs, machine);
    disk.into_iter().for_each(|disk| add_disk(&mut command, disk));
    Ok(Running::start(command, limit)?.wait())
}

/// A guest that runs. It is killed when dropped.
struct Running {
    qemu: Child,
    /// The host's end of the second serial port.
    output: UnixStream,
    /// Bytes of the three streams in [`Said`], with their numbers, as they arrive.
    received: Receiver<(usize, Vec<u8>)>,
    said: Said,
    deadline: Instant,
}

/// The bytes of the first and the second serial port, and QEMU's own messages.
type Said = [Vec<u8>; 3];

impl Running {
    /// Start QEMU, which may run for at most `limit`.
    fn start(mut command: Command, limit: Duration) -> Result<Self> {
        let deadline = Instant::now() + limit;
        let (console, console_end) = UnixStream::pair().context("making a serial port")?;
        let (output, output_end) = UnixStream::pair().context("making a serial port")?;
        let mut qemu = command
            // The ports are QEMU's standard input and output. Sockets work in both directions.
            .stdin(Stdio::from(OwnedFd::from(console_end)))
            .stdout(Stdio::from(OwnedFd::from(output_end)))
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()))?;
        // The command holds QEMU's ends of the ports. They must close when QEMU exits.
        drop(command);
        let (sender, received) = mpsc::channel();
        let complaint = qemu.stderr.take();
        let running = Self { qemu, output, received, said: Said::default(), deadline };
        forward(0, console, sender.clone());
        forward(1, running.output.try_clone().context("sharing a serial port")?, sender.clone());
        forward(2, complaint.context("QEMU has no standard error")?, sender);
        Ok(running)
    }

    /// Read both ports until QEMU closes them or the time is up.
    fn wait(mut self) -> Ran {
        let timed_out = loop {
            match self.receive() {
                Ok(()) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break false,
                Err(mpsc::RecvTimeoutError::Timeout) => break true,
            }
        };
        self.so_far(timed_out)
    }

    /// Everything it has said.
    fn so_far(&mut self, timed_out: bool) -> Ran {
        let [console, output, complaint] = mem::take(&mut self.said);
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ran { console: text(console), output, timed_out, complaint: text(complaint) }
    }

    /// Read what arrives next.
    fn receive(&mut self) -> Result<(), mpsc::RecvTimeoutError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let (number, bytes) = self.received.recv_timeout(left)?;
        self.said.get_mut(number).into_iter().for_each(|all| all.extend(&bytes));
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both calls fail only if QEMU has already exited, which is their purpose.
        drop((self.qemu.kill(), self.qemu.wait()));
    }
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
