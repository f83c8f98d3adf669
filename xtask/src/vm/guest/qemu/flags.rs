//! Differences between the architectures: QEMU's program and its flags.

use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, Result};
use oomtrace_object::Arch;

use crate::host::{run, setup};

/// The program that runs guests of an architecture.
pub(super) fn program(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 => "qemu-system-x86_64",
        Arch::Aarch64 => "qemu-system-aarch64",
    }
}

/// Install QEMU if it is missing.
pub(crate) fn install(arch: Arch) -> Result<()> {
    let found = |directory: std::path::PathBuf| directory.join(program(arch)).is_file();
    if env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(found)) {
        return Ok(());
    }
    let package = match arch {
        Arch::X86_64 => "qemu-system-x86",
        Arch::Aarch64 => "qemu-system-arm",
    };
    setup::apt(&[package]).with_context(|| format!("installing QEMU (Debian's package {package})"))
}

/// QEMU's version as it prints it, and the way it runs guests.
pub(crate) fn describe(arch: Arch) -> Result<String> {
    let said = run::output(Command::new(program(arch)).arg("--version"))?;
    let version = said.lines().next().context("QEMU prints no version")?;
    let how = if kvm_is_usable(arch) { "in hardware (KVM)" } else { "by emulation (TCG)" };
    Ok(format!("{version}, {how}"))
}

/// The board.
pub(super) fn board(arch: Arch) -> [&'static str; 2] {
    match arch {
        Arch::X86_64 => ["-machine", "q35"],
        Arch::Aarch64 => ["-machine", "virt,gic-version=3"],
    }
}

/// The processor, with flags that proved stable. Under emulation of 7.2, a thread for each CPU lets one CPU run code that
/// another has just patched, and `cmpxchg16b` can return garbage in the flags. Both crash guests at random. With `erms` and
/// `fsrm`, the kernel clears and copies pages with one instruction a byte, which costs a guest an eighth of its time. Neoverse
/// N1 (Graviton 2, Ampere Altra) has pages of 4, 16 and 64 KiB, and no pointer authentication, which would double the time of
/// an emulated boot.
pub(super) fn processor(arch: Arch, in_hardware: bool) -> [&'static str; 4] {
    match (arch, in_hardware) {
        (_, true) => ["-accel", "kvm", "-cpu", "host"],
        (Arch::X86_64, false) => ["-accel", "tcg,thread=single", "-cpu", "max,-cx16,-erms,-fsrm"],
        (Arch::Aarch64, false) => ["-accel", "tcg,thread=single", "-cpu", "neoverse-n1"],
    }
}

/// The kernel's command line. An oops or a panic resets the guest, which ends QEMU because of `-no-reboot`. The crypto
/// self-tests would take a fifth of the boot. The log must hold every report of a scenario. On x86, the kernel checks its timer
/// by counting interrupts for a moment, in which an emulator on a busy machine may not run:
/// <https://github.com/torvalds/linux/blob/v6.12/arch/x86/kernel/apic/io_apic.c> (`timer_irq_works`)
pub(super) fn command_line(arch: Arch) -> String {
    let own = match arch {
        Arch::X86_64 => "console=ttyS0,115200 no_timer_check",
        Arch::Aarch64 => "console=ttyAMA0,115200",
    };
    format!("{own} quiet oops=panic panic=-1 log_buf_len=4M cryptomgr.notests random.trust_cpu=on")
}

/// The two serial ports, of the character devices `console` and `output`. The ARM board has one port. The other is a PCI
/// device, whose driver is built into every kernel of the matrix.
pub(super) fn ports(arch: Arch) -> [&'static str; 4] {
    match arch {
        Arch::X86_64 => ["-serial", "chardev:console", "-serial", "chardev:output"],
        Arch::Aarch64 => ["-serial", "chardev:console", "-device", "pci-serial,chardev=output"],
    }
}

/// Whether KVM can run a stock kernel. An accessible `/dev/kvm` does not prove this: without hardware virtualization behind it,
/// only specially built kernels boot.
pub(super) fn kvm_is_usable(arch: Arch) -> bool {
    if arch != Arch::X86_64 {
        return false;
    }
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = cpuinfo.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    let in_hardware = flags.split_ascii_whitespace().any(|flag| flag == "vmx" || flag == "svm");
    in_hardware && fs::OpenOptions::new().read(true).write(true).open("/dev/kvm").is_ok()
}
