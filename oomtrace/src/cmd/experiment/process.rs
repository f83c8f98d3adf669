//! The code that runs in a process of an experiment. It joins its cgroup before it does anything else.

use std::{fs, io::Write as _, os::unix::process::CommandExt as _, process::Command};

use anyhow::{Context as _, Result};

use super::hog;
use crate::{cli::ExperimentProcess, exit::Exit, experiment::plan::Hog};

/// The line that a hog prints once it holds its memory.
pub(super) const HOLDING: &str = "holding";

pub(in crate::cmd) fn run(options: &ExperimentProcess) -> Result<Exit> {
    // If the cgroup has been removed, the experiment is over and there is nothing to do.
    if let Some(procs) = &options.procs {
        fs::write(procs, "0").with_context(|| format!("joining {}", procs.display()))?;
    }
    if let Some(adj) = options.adj {
        // The experiment protects itself, and this process would inherit that.
        fs::write("/proc/self/oom_score_adj", adj.to_string()).context("setting oom_score_adj")?;
    }
    let Some(shape) = options.hog else {
        let (program, arguments) = options.command.split_first().context("no command")?;
        return Err(Command::new(program).args(arguments).exec())
            .with_context(|| format!("starting {}", program.display()));
    };
    let name = std::ffi::CString::new(options.name.as_str()).context("a name with a NUL")?;
    rustix::thread::set_name(&name).context("setting the process name")?;
    let ExperimentProcess { size, rate, count, hold, .. } = *options;
    let _held = hog::take(&Hog { shape, bytes: size, rate, count, hold }, &options.name)?;
    let mut stdout = std::io::stdout();
    // The reader may have exited.
    let _ = writeln!(stdout, "{HOLDING}").and_then(|()| stdout.flush());
    if !hold {
        return Ok(Exit::Success);
    }
    loop {
        std::thread::park();
    }
}
