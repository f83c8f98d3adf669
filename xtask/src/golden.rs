//! `cargo xtask golden`: makes recordings of the current version of the format, which are kept as tests forever.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use oomtrace_object::Arch;
use oomtrace_scenarios::job::Tier;
use oomtrace_scenarios::observation::{Observation, Status};
use oomtrace_scenarios::text::Text;

use crate::host::run::say;
use crate::vm::{self, commands, guest::programs};
use crate::{host::workspace, kernels};

/// `cargo xtask golden`
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The kernel series
    #[arg(long, default_value = "6.12")]
    series: String,
    /// The scenario to record; repeatable
    #[arg(long, required = true)]
    scenario: Vec<String>,
    /// The version of the format, as in the file's name
    #[arg(long, default_value_t = 1)]
    version: u32,
}

/// Records real kills in a guest, and keeps the recording with the reports that were printed live.
pub(crate) fn task(arguments: &Arguments) -> Result<()> {
    vm::install_qemu(Arch::X86_64)?;
    let kernel = kernels::ensure(&arguments.series)?;
    let programs = programs::build(true)?;
    let directory = workspace::root().join("tests/recordings");
    fs::create_dir_all(&directory).with_context(|| format!("making {}", directory.display()))?;
    for scenario in vm::choose(&arguments.scenario)? {
        let name = format!("v{}-{}", arguments.version, scenario.name);
        say(&format!("recording {name} on {}", kernel.release));
        let seen = commands::record(&kernel, &programs, &scenario, Tier::Fentry)?;
        keep(&directory, &name, &seen).with_context(|| format!("keeping {name}"))?;
    }
    Ok(())
}

/// Writes a golden recording. It never replaces one, because recordings of older versions must stay readable.
fn keep(directory: &Path, name: &str, seen: &Observation) -> Result<()> {
    let run = seen.tracer.as_ref().with_context(|| format!("no tracer ran: {:?}", seen.failure))?;
    ensure!(run.status == Some(Status::Code(0)), "the tracer exited with {:?}", run.status);
    let recording = run.recording.as_ref().context("the guest sent no recording")?;
    ensure!(!run.lines.is_empty(), "nothing was reported");
    let lines: Vec<u8> = run.lines.iter().flat_map(|line| [Text::as_bytes(line), b"\n"].concat()).collect();
    let files = [("oomtrace", recording.as_bytes().to_vec()), ("jsonl", lines)];
    for (extension, bytes) in files {
        let path = directory.join(format!("{name}.{extension}"));
        ensure!(!path.exists(), "{} already exists and is never replaced", path.display());
        fs::write(&path, bytes).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}
