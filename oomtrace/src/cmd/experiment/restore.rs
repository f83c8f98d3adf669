//! Everything as it was before: no process, no cgroup, each knob with its old value. Done by the supervisor, by the experiment if
//! it loses its supervisor, and by `--restore`; doing it twice does no harm.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::state::{Journal, Knob, State, boot_id};
use crate::{cmd::say::say, experiment::knob};

/// How often it is tried to empty a cgroup, and how long it is waited in between.
const ATTEMPTS: u32 = 2000;
const PAUSE: Duration = Duration::from_millis(10);

/// Puts back what the journal holds; `None` if there is none.
pub(super) fn restore(state: &State) -> Result<Option<Journal>> {
    let Some(journal) = state.journal()? else { return Ok(None) };
    // Memory of the kernel's own: another boot began without any of it.
    if journal.boot_id == boot_id() {
        undo(&journal)?;
    }
    state.forget()?;
    Ok(Some(journal))
}

fn undo(journal: &Journal) -> Result<()> {
    // The limit first goes with its processes: a knob that goes back must not find them alive.
    remove(&journal.scratch)?;
    if let Some(control) = &journal.switched_on {
        // Fails where somebody else began to use the controller meanwhile, and then it has to stay.
        let _ = fs::write(control, "-memory");
    }
    let failures: Vec<String> = journal.knobs.iter().filter_map(|knob| put_back(knob).err()).collect();
    ensure!(failures.is_empty(), "not everything could be put back: {}", failures.join("; "));
    Ok(())
}

fn put_back(Knob { path, value }: &Knob) -> Result<(), String> {
    let now = || fs::read_to_string(path).unwrap_or_default();
    if now() == *value {
        return Ok(());
    }
    let written = fs::write(path, knob::value(value));
    match now() {
        now if now == *value => Ok(()),
        now => Err(format!(
            "{} was {} and is {}{}",
            path.display(),
            value.trim(),
            now.trim(),
            written.err().map_or_else(String::new, |error| format!(" ({error})"))
        )),
    }
}

/// Kills whatever lives in a cgroup and below, and removes them all.
pub(super) fn remove(top: &Path) -> Result<()> {
    for _ in 0..ATTEMPTS {
        if !top.exists() {
            return Ok(());
        }
        empty(top);
        for cgroup in below(top) {
            // Busy until the last process is gone.
            let _ = fs::remove_dir(cgroup);
        }
        if top.exists() {
            thread::sleep(PAUSE);
        }
    }
    bail!("{} could not be removed: its processes do not end", top.display())
}

/// Sends SIGKILL to everything in a cgroup and below.
pub(super) fn empty(top: &Path) {
    // Since 5.14; it leaves no chance to fork away.
    // https://github.com/torvalds/linux/blob/v6.12/kernel/cgroup/cgroup.c#L4090 (`cgroup_kill_write`)
    if fs::write(top.join("cgroup.kill"), "1").is_ok() {
        return;
    }
    for pid in below(top).iter().flat_map(|cgroup| pids(cgroup)) {
        // It may have died by itself.
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Processes in one cgroup.
pub(super) fn pids(cgroup: &Path) -> Vec<Pid> {
    let procs = fs::read_to_string(cgroup.join("cgroup.procs")).unwrap_or_default();
    procs.lines().filter_map(|line| line.parse().ok()).filter_map(Pid::from_raw).collect()
}

/// A cgroup and all below it, those inside first.
fn below(top: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(top).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut cgroups: Vec<PathBuf> = folders.flat_map(|folder| below(&folder.path())).collect();
    cgroups.push(top.to_owned());
    cgroups
}

/// `oomtrace experiment --restore`.
pub(super) fn command(folder: &Path) -> Result<crate::exit::Exit> {
    // Where no experiment ever was, nothing is made.
    if !folder.exists() {
        say(format_args!("nothing to put back in {}", folder.display()));
        return Ok(crate::exit::Exit::Success);
    }
    let state = State::open(folder)?;
    let _lock = state.lock()?;
    match restore(&state).context("putting everything back")? {
        None => say(format_args!("nothing to put back in {}", folder.display())),
        Some(journal) if journal.boot_id != boot_id() => say(format_args!(
            "the machine has been booted since the experiment {}: the kernel began with its own values, and there is \
             nothing left of it",
            journal.file.display()
        )),
        Some(journal) => say(format_args!(
            "put back {} knobs of the experiment {}; its cgroups and processes are gone",
            journal.knobs.len(),
            journal.file.display()
        )),
    }
    Ok(crate::exit::Exit::Success)
}
