//! Checks the static program in an initramfs without a C library, a loader or a shell. It contains only PID 1, the program, and
//! a program that runs out of memory.

use std::fs;

use anyhow::{Context as _, Result, bail, ensure};
use oomtrace_object::Arch;
use oomtrace_scenarios::{
    compare::judge,
    job::{Command, TRACER_FILE, Tier},
    observation::{CommandRun, Status},
    scenario::Machine,
};

use super::Built;
use crate::{
    host::platform::Platform,
    kernels::{self, Kernel},
    vm::{
        self, commands,
        guest::programs::{self, Programs},
    },
};

/// The kernel of Debian 13.
const SERIES: &str = "6.12";

/// The scenario: a cgroup at its limit.
const SCENARIO: &str = "cgroup";

/// Checks each architecture of the release, on an emulated machine if needed.
pub(super) fn check(built: &Built<'_>) -> Result<()> {
    built.archs.iter().try_for_each(|&arch| on(built, arch).with_context(|| format!("on {arch}")))
}

fn on(built: &Built<'_>, arch: Arch) -> Result<()> {
    vm::install_qemu(arch)?;
    let kernel = kernels::ensure_for(arch, SERIES)?;
    let program = built.out.join(built.release.name(Platform::of(arch)));
    let tracer = fs::read(&program).with_context(|| format!("cannot read {}", program.display()))?;
    let programs = Programs { tracer: Some(tracer), ..programs::build_for(arch, false)? };
    let tier = commands(&kernel, &programs)?;
    println!("Linux {} on {arch}: the tier is {}", kernel.release, tier.name());
    kill(&kernel, &programs, tier)
}

/// Runs `check` and `demo`. Returns the tier that `check` names.
fn commands(kernel: &Kernel, programs: &Programs) -> Result<Tier> {
    let command = |word: &str| Command {
        name: word.to_owned(),
        arguments: [TRACER_FILE, word].map(str::to_owned).to_vec(),
        ..Command::default()
    };
    let list = [command("check"), command("demo")];
    let runs = commands::run(kernel, programs, &Machine::default(), true, &list)?;
    let [check, demo] = runs.as_slice() else { bail!("the guest ran {} commands of 2", runs.len()) };
    said(demo, "was killed")?;
    said(check, "watch would work")?;
    let text = check.stdout.to_chars();
    let is_named = |tier: &Tier| text.contains(&format!("on the {} tier", tier.name()));
    Tier::ALL.into_iter().find(is_named).with_context(|| format!("no tier in {text}"))
}

fn said(run: &CommandRun, word: &str) -> Result<()> {
    let text = run.stdout.to_chars();
    let problem = || format!("{} exited with {:?}: {text}{}", run.name, run.status, run.stderr.to_chars());
    ensure!(run.status == Some(Status::Code(0)) && text.contains(word), problem());
    Ok(())
}

/// Causes a kill, whose report must agree with the kernel's log.
fn kill(kernel: &Kernel, programs: &Programs, tier: Tier) -> Result<()> {
    for scenario in vm::choose(&[SCENARIO.to_owned()])? {
        let seen = commands::record(kernel, programs, &scenario, tier)?;
        if let Some(failure) = &seen.failure {
            bail!("the guest could not run {SCENARIO}: {failure}");
        }
        let disagreements = judge(&scenario, &seen, Some(tier));
        ensure!(disagreements.is_empty(), "the report disagrees with the log: {disagreements:?}");
    }
    Ok(())
}
