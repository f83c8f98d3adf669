//! The part of the matrix that every test run includes.

mod faults;
mod subset;

use anyhow::Result;
use oomtrace_object::Arch;
use oomtrace_scenarios::job::Tier;

use self::subset::{AARCH64, SERIES, SUBSET, Slice};
use super::{Tally, conditions, experiments};
use crate::host::cross;
use crate::host::run::say;
use crate::kernels::{self, Kernel};
use crate::vm::abreast;
use crate::vm::guest::programs::{self, Programs};
use crate::vm::read_only::goes_on;
use crate::vm::reset::survives;
use crate::vm::{self, Cell, Matrix, Verdict};

/// Run the guests.
pub(crate) fn run(tally: &mut Tally) {
    if let Err(error) = vm::install_qemu(Arch::X86_64) {
        return tally.skip("guests", format!("no QEMU: {error:#}"));
    }
    let kernels = kernels(tally);
    if kernels.is_empty() {
        return;
    }
    let conditions = conditions::run(&kernels, tally);
    let experiments = experiments::run(&kernels, tally);
    disks(&kernels, tally);
    let subset = SUBSET.iter().try_for_each(|slice| matrix(slice, &kernels, tally));
    if let Err(error) = conditions.and(experiments).and(subset) {
        tally.count("guests", Err(error));
    }
    faults::run(&kernels, tally);
    aarch64(tally);
}

/// Run a few cells of arm64, which is emulated on x86-64.
fn aarch64(tally: &mut Tally) {
    let ready = vm::install_qemu(Arch::Aarch64).and_then(|()| cross::install(Arch::Aarch64));
    if let Err(error) = ready {
        return tally.skip("arm64 guests", format!("{error:#}"));
    }
    let result = AARCH64.iter().try_for_each(|slice| {
        let kernels: Result<Vec<Kernel>> =
            slice.series.iter().map(|series| kernels::ensure_for(Arch::Aarch64, series)).collect();
        matrix(slice, &kernels?, tally)
    });
    if let Err(error) = result {
        tally.count("arm64 guests", Err(error));
    }
}

/// A test that boots guests with a disk.
type DiskTest = fn(&Kernel, &Programs, Tier) -> Result<()>;

/// Check on the oldest and the newest kernel that a recording survives a reset, and continues after the disk was read-only.
fn disks(kernels: &[Kernel], tally: &mut Tally) {
    let ends = kernels.first().into_iter().chain(kernels.iter().skip(1).next_back());
    let tests: [(&str, DiskTest); 2] =
        [("a recording survives a reset", survives), ("a disk that turns read-only", goes_on)];
    let guests = ends.flat_map(|kernel| tests.map(|(name, test)| (name, test, kernel))).collect();
    let results = abreast::map(guests, |(name, test, kernel)| {
        let result = programs::build(true).and_then(|programs| test(kernel, &programs, Tier::Fentry));
        (format!("{name} on {}", kernel.series), result)
    });
    results.into_iter().for_each(|(name, result)| tally.count(&name, result));
}

/// The available kernels. Each missing one is a failure.
fn kernels(tally: &mut Tally) -> Vec<Kernel> {
    say(&format!("kernels {}", SERIES.join(", ")));
    let mut kernels = Vec::new();
    for series in SERIES {
        match kernels::ensure(series) {
            Ok(kernel) => kernels.push(kernel),
            Err(error) => tally.count(&format!("kernel {series}"), Err(error)),
        }
    }
    kernels
}

fn matrix(slice: &Slice, kernels: &[Kernel], tally: &mut Tally) -> Result<()> {
    say(&format!("of the matrix: {}", slice.name));
    let names: Vec<String> = slice.scenarios.iter().map(|&name| name.to_owned()).collect();
    let kernels = kernels.iter().filter(|kernel| slice.series.contains(&kernel.series.as_str()));
    let run = Matrix {
        kernels: kernels.cloned().collect(),
        scenarios: vm::choose(&names)?,
        tiers: slice.tiers.iter().copied().map(Some).collect(),
        jobs: None,
        keep_log: false,
        fault: None,
    }
    .run()?;
    print!("{}", vm::render(&run));
    let architecture = match run.arch {
        Arch::X86_64 => "",
        Arch::Aarch64 => " (arm64)",
    };
    for cell in &run.cells {
        count(cell, architecture, tally);
    }
    Ok(())
}

fn count(cell: &Cell, architecture: &str, tally: &mut Tally) {
    let name = format!("{} on {}{architecture}, {}", cell.scenario, cell.series, cell.tier);
    match &cell.verdict {
        Verdict::Agrees => tally.pass(1),
        Verdict::NotApplicable(_) | Verdict::Skipped(_) => tally.skip(name, cell.verdict.reason()),
        Verdict::Disagrees(_) | Verdict::Broken(_) | Verdict::Lost(_) => {
            tally.fail(name, cell.verdict.reason());
        }
    }
}
