//! Guests that run commands instead of scenarios.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use oomtrace_scenarios::job::{Command, Job, Work};
use oomtrace_scenarios::observation::CommandRun;
use oomtrace_scenarios::scenario::Machine;

use super::programs::Programs;
use super::{console, initramfs, modules, qemu, stream};
use crate::kernels::Kernel;

/// Seconds a guest may take for its boot, and for each command.
const BOOT_S: u64 = 60;
const COMMAND_S: u64 = 60;

/// Boot a kernel, run commands one after the other, and hand back what each did. They find the tracer
/// and the memory program at the places named in [`oomtrace_scenarios::job`].
pub(crate) fn run(
    kernel: &Kernel,
    programs: &Programs,
    machine: &Machine,
    tracefs: bool,
    commands: &[Command],
) -> Result<Vec<CommandRun>> {
    let deadline_s = BOOT_S + COMMAND_S * u64::try_from(commands.len())?;
    let work = Work::Commands(commands.to_vec());
    let job = Job { hierarchy: machine.hierarchy, swap_mib: machine.swap_mib, tracefs, deadline_s, work };
    let modules = modules::of_machine(kernel, machine)?;
    let initramfs = initramfs::of_guest(programs, modules, &job)?;
    let limit = Duration::from_secs(deadline_s + BOOT_S);
    let ran = qemu::boot(&kernel.vmlinuz, initramfs.path(), machine, limit)?;
    let stream = stream::parse(&ran.output).context("what the guest sent")?;
    ensure!(stream.complete, "the guest was lost; {}", console::end(&ran));
    Ok(stream.documents)
}
