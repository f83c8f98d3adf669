//! `oomtrace experiment`: changes knobs, causes OOMs, compares decisions, and restores everything, whatever happens.

mod children;
#[expect(
    clippy::module_inception,
    reason = "the experiment under way is the heart of the command of that name"
)]
mod experiment;
mod ground;
mod hog;
mod one_run;
mod output;
pub(super) mod process;
mod restore;
mod sampler;
mod scratch;
mod state;
pub(super) mod supervisor;
mod tracer;

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};

use self::{
    experiment::{Experiment, Interrupted},
    ground::Here,
    output::Kept,
    scratch::Scratch,
    state::{Journal, Knob, Lock, State, boot_id},
    supervisor::Supervisor,
};
use super::shared::{knob_file, say::say, signals::Stop};
use crate::{
    cli,
    exit::Exit,
    experiment::{
        check::check,
        file::{Problem, parse, text},
        knob,
        order::order,
        plan::Plan,
    },
    kernel::{pid_namespace::has_machines_pids, start::permitted},
    source::cgroup::cgroupfs::MemoryHierarchy,
};

/// The file cannot be run here. Each problem has its line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct FileError(String);

pub(super) fn run(options: &cli::Experiment) -> Result<Exit> {
    if options.restore {
        return restore::command(&options.state);
    }
    let file = options.file.as_deref().context("no file")?;
    let directory = directory(file)?;
    let here = Here::look(&directory);
    let bytes = content(file)?;
    let plan = plan(file, &bytes, options, &here)?;
    if options.check {
        say(format_args!("{} can be run here", file.display()));
        return Ok(Exit::Success);
    }
    permitted()?;
    // The experiment identifies its processes by their ids.
    ensure!(
        has_machines_pids(),
        "an experiment needs the machine's pid namespace, where processes have the ids that the kernel tells; a container \
         needs the host's"
    );
    let hierarchy = here.memory_hierarchy().context("no memory hierarchy")?;
    let state = State::make(&options.state)?;
    let lock = state.lock()?;
    if let Some(left) = restore::restore(&state).context("restoring what an earlier experiment changed")? {
        say(format_args!("restored what the experiment {} had left", left.file.display()));
    }
    perform(&plan, (file, directory, &bytes), options, hierarchy, &state, &lock)
}

/// The maximum size of a plan's file.
const FILE_BYTES: u64 = 1 << 20;

/// The directory of the file, in which commands run.
fn directory(file: &Path) -> Result<PathBuf> {
    let unreadable = |error| FileError(format!("reading {}: {error}", file.display()));
    fs::canonicalize(file).map_err(unreadable)?.parent().map(Path::to_owned).context("the file's directory")
}

/// Reads the file once, so that the checked file is the one that runs and that the result contains.
fn content(file: &Path) -> Result<Vec<u8>, FileError> {
    let unreadable = |why: &dyn std::fmt::Display| FileError(format!("reading {}: {why}", file.display()));
    let mut bytes = Vec::new();
    let opened = fs::File::open(file).map_err(|error| unreadable(&error))?;
    opened.take(FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES {
        return Err(unreadable(&format_args!("it is larger than {FILE_BYTES} bytes")));
    }
    Ok(bytes)
}

/// Parses and checks the file.
fn plan(file: &Path, bytes: &[u8], options: &cli::Experiment, here: &Here) -> Result<Plan> {
    let mut plan =
        text(bytes).and_then(parse).map_err(|problems| complaint(file, "cannot be run", &problems))?;
    plan.repeats = options.repeats.unwrap_or(plan.repeats);
    plan.seed = options.seed.unwrap_or(plan.seed);
    let findings = check(&plan, here);
    if !findings.problems.is_empty() {
        return Err(complaint(file, "cannot be run here", &findings.problems).into());
    }
    if !findings.risks.is_empty() && !options.allow_system_oom {
        let what =
            "may make this machine run out of memory; run it with --allow-system-oom if that is acceptable";
        return Err(complaint(file, what, &findings.risks).into());
    }
    Ok(plan)
}

fn complaint(file: &Path, what: &str, problems: &[Problem]) -> FileError {
    let lines =
        problems.iter().map(|Problem { line, what }| format!("\n  {}:{line}: {what}", file.display()));
    FileError(format!("{} {what}:{}", file.display(), lines.collect::<String>()))
}

/// Runs the experiment, from the journal to the result.
fn perform(
    plan: &Plan,
    (file, directory, bytes): (&Path, PathBuf, &[u8]),
    options: &cli::Experiment,
    hierarchy: &MemoryHierarchy,
    state: &State,
    lock: &Lock,
) -> Result<Exit> {
    let output = output::Directory::create(options.output.as_deref(), file, bytes)?;
    let stop = Stop::on_signals()?;
    let journal = journal(plan, file, hierarchy)?;
    // Before the journal is written, so that an experiment that is killed in between leaves none behind.
    let supervisor = Supervisor::start(&options.state, lock)?;
    state.write(&journal)?;
    // Nothing has been changed so far. The supervisor must not be killed when the machine runs out of memory.
    let _ = fs::write("/proc/self/oom_score_adj", "-1000");
    let scratch = match Scratch::create(hierarchy, plan) {
        Ok(scratch) => scratch,
        Err(error) => {
            supervisor.finish(state)?;
            return Err(error);
        }
    };
    let tier = options.tier;
    let mut experiment = Experiment {
        plan,
        hierarchy,
        scratch,
        journal: &journal,
        supervisor,
        output: &output,
        directory,
        tier,
        stop: &stop,
    };
    let mut kept = Vec::new();
    let made = runs(&mut experiment, &mut kept);
    experiment.supervisor.finish(state).context("restoring everything")?;
    output::publish(plan, hierarchy, &output, kept, options)?;
    match made {
        Err(error) if error.is::<Interrupted>() => {
            say("interrupted; everything has been restored");
            Ok(Exit::Success)
        }
        Err(error) => Err(error),
        Ok(()) => Ok(Exit::Success),
    }
}

fn runs(experiment: &mut Experiment<'_>, kept: &mut Vec<Kept>) -> Result<()> {
    let plan = experiment.plan;
    let order = order(plan.variants.len(), plan.repeats, plan.seed);
    for (number, variant) in (1..).zip(&order) {
        let observed = one_run::make(experiment, number, *variant)?;
        let run = Kept::read(plan, observed, experiment.output)?;
        say(format_args!("run {number} of {}: {}", order.len(), output::in_short(&run.run)));
        kept.push(run);
    }
    Ok(())
}

/// Orders the two of a pair so that the one that is not 0 comes first. Writing it sets the other to 0, so 0 need not be written
/// then (the kernel rejects 0 for `vm.dirty_bytes`).
fn pair(one: Knob, other: Knob) -> [Knob; 2] {
    if one.value.trim() == "0" { [other, one] } else { [one, other] }
}

/// The old values of all settings that will be changed.
fn journal(plan: &Plan, file: &Path, hierarchy: &MemoryHierarchy) -> Result<Journal> {
    let mut knobs = Vec::new();
    for setting in plan.all_knobs() {
        let path = knob::place(&setting.name, Some(hierarchy.mount())).map_err(anyhow::Error::msg)?;
        let value =
            |path: &Path| knob_file::read(path).with_context(|| format!("reading {}", path.display()));
        let knob = Knob { value: value(&path)?, path };
        if let Some(other) = knob::counterpart(&knob.path)
            && let Ok(old) = value(&other)
        {
            knobs.extend(pair(knob, Knob { path: other, value: old }));
            continue;
        }
        knobs.push(knob);
    }
    if knobs.iter().any(|knob| knob.value.trim().is_empty()) {
        bail!("a setting without a value cannot be restored");
    }
    let (scratch, switched_on) = (scratch::place(hierarchy), scratch::to_switch_on(hierarchy)?);
    Ok(Journal { boot_id: boot_id(), file: file.to_owned(), scratch, switched_on, knobs })
}

#[cfg(test)]
mod tests {
    use super::{Knob, pair};

    #[test]
    fn restores_the_nonzero_one_of_a_pair_first() {
        let knob = |name: &str, value: &str| Knob { path: name.into(), value: value.to_owned() };
        let order = |one, other| pair(one, other).map(|knob| knob.path.display().to_string());
        assert_eq!(
            order(knob("dirty_bytes", "0\n"), knob("dirty_ratio", "20\n")),
            ["dirty_ratio", "dirty_bytes"]
        );
        assert_eq!(
            order(knob("dirty_ratio", "20\n"), knob("dirty_bytes", "0\n")),
            ["dirty_ratio", "dirty_bytes"]
        );
    }
}
