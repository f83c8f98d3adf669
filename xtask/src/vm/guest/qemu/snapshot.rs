//! A machine that has booted and waits for its work, kept in a file. Guests that start from it save the boot, which takes an
//! emulator several seconds.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use oomtrace_scenarios::job::{Job, READY};
use oomtrace_scenarios::scenario::Machine;
use tempfile::{NamedTempFile, TempDir};

use super::super::console;
use super::{Ran, Running, command, flags};
use crate::kernels::Kernel;

/// The variable that names the file to the commands with which QEMU writes and reads it.
const FILE_VARIABLE: &str = "MEMORY";
/// Writes the machine to the file and exits. It is not stopped before, or it would start as a stopped machine. The usual limit of
/// the speed is made for networks.
const KEEP: &str = "migrate_set_parameter max-bandwidth 100G\nmigrate exec:cat>$MEMORY\ninfo migrate\nquit\n";
/// Newlines that may get lost before the job. QEMU receives bytes as soon as it runs, and forgets them when it has read the
/// state of the serial port, whose buffer has 16 bytes.
const LOST: usize = 64;
/// QEMU's answer to `info migrate` if the whole machine is in the file.
const KEPT: &str = "Migration status: completed";

/// A booted machine.
pub(in crate::vm) struct Snapshot {
    initramfs: NamedTempFile,
    memory: NamedTempFile,
}

impl Snapshot {
    /// Whether it would save time on this machine. Boots are fast in hardware, and a clock of instructions does not go on in
    /// another process of QEMU as it was.
    pub(in crate::vm) fn is_worthwhile(kernel: &Kernel, machine: &Machine) -> bool {
        !flags::kvm_is_usable(kernel.arch) && !machine.instruction_clock
    }

    /// Boot a guest with an initramfs that asks for its work, and keep it when it does.
    pub(in crate::vm) fn take(
        kernel: &Kernel,
        initramfs: NamedTempFile,
        machine: &Machine,
        limit: Duration,
    ) -> Result<Self> {
        let memory = NamedTempFile::new().context("making a file for a guest's memory")?;
        let folder = TempDir::new().context("making a directory for QEMU's monitor")?;
        let monitor = folder.path().join("monitor");
        let mut command = command(kernel, initramfs.path(), machine);
        command.arg("-chardev").arg(listening_at(&monitor)).args(["-mon", "chardev=monitor"]);
        command.env(FILE_VARIABLE, memory.path());
        let mut running = Running::start(command, limit)?;
        running.until_ready().context("booting a guest to keep")?;
        let said = keep(&monitor).context("asking QEMU to keep a guest")?;
        ensure!(said.contains(KEPT), "QEMU did not keep a guest: {said}");
        Ok(Self { initramfs, memory })
    }

    /// Start a guest that does a job, and wait for its end. Kernel and machine are those of the snapshot.
    pub(in crate::vm) fn run(
        &self,
        kernel: &Kernel,
        machine: &Machine,
        job: &Job,
        limit: Duration,
    ) -> Result<Ran> {
        let mut command: Command = command(kernel, self.initramfs.path(), machine);
        command.args(["-incoming", "exec:cat<$MEMORY"]).env(FILE_VARIABLE, self.memory.path());
        let mut running = Running::start(command, limit)?;
        let job = serde_json::to_vec(job)?;
        let mut framed = format!("{}{}\n", "\n".repeat(LOST), job.len()).into_bytes();
        framed.extend_from_slice(&job);
        // It fails if QEMU has exited. Its complaint then says why.
        drop(running.output.write_all(&framed));
        Ok(running.wait())
    }
}

impl Running {
    /// Read until the guest says that it is ready.
    fn until_ready(&mut self) -> Result<()> {
        let ready = serde_json::to_string(READY)?;
        let ready = format!("{}\n{ready}\n", ready.len());
        while self.said[1] != ready.as_bytes() {
            match self.receive() {
                Ok(()) => {}
                Err(why) => {
                    let ran = self.so_far(why == RecvTimeoutError::Timeout);
                    bail!("the guest was not ready; {}", console::end(&ran));
                }
            }
        }
        Ok(())
    }
}

/// The option that lets QEMU listen at a socket.
fn listening_at(path: &Path) -> OsString {
    let mut option = OsString::from("socket,id=monitor,server=on,wait=off,path=");
    // A comma would end the path, and QEMU reads two as one.
    option.push(path.to_string_lossy().replace(',', ",,"));
    option
}

/// Let the monitor keep the guest. Returns all that it said.
fn keep(monitor: &Path) -> Result<String> {
    let mut monitor = UnixStream::connect(monitor).context("connecting to the monitor")?;
    monitor.write_all(KEEP.as_bytes()).context("writing to the monitor")?;
    let mut said = Vec::new();
    monitor.read_to_end(&mut said).context("reading from the monitor")?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}
