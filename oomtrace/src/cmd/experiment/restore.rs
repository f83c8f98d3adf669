//! Restores the machine after an experiment: no processes, no cgroups, and each knob with its old value. The supervisor does
//! it, or the experiment if it loses its supervisor, or `--restore`. Doing it twice does no harm.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use super::{
    scratch::{ATTEMPTS, PREFIX},
    state::{Journal, Knob, State, boot_id},
};
use crate::{
    cmd::shared::{cgroup, knob_file, say::say},
    experiment::knob,
    source::cgroup::cgroupfs::MemoryHierarchy,
};

/// Advice if no experiment wrote the journal.
const BY_HAND: &str =
    "no experiment wrote this journal, and nothing was restored; inspect the file, then remove it";

/// Restores the values in the journal; `None` if there is no journal.
pub(super) fn restore(state: &State) -> Result<Option<Journal>> {
    let Some(journal) = state.journal()? else { return Ok(None) };
    // The journal is from another boot: the kernel has started with its own values since then.
    if journal.boot_id == boot_id() {
        undo(&journal)?;
    }
    state.forget()?;
    Ok(Some(journal))
}

fn undo(journal: &Journal) -> Result<()> {
    let hierarchy = MemoryHierarchy::find().context("no memory hierarchy is mounted any more")?;
    check(journal, &hierarchy)?;
    // The limit is removed first, together with its processes, so that they do not see a restored knob.
    cgroup::remove(&journal.scratch, ATTEMPTS)?;
    if let Some(control) = &journal.switched_on {
        // This fails if another program has started to use the controller; it then has to stay enabled.
        let _ = knob_file::write(control, "-memory");
    }
    let failures: Vec<String> = journal.knobs.iter().filter_map(|knob| put_back(knob).err()).collect();
    ensure!(failures.is_empty(), "not everything could be restored: {}", failures.join("; "));
    Ok(())
}

/// Rejects a journal that names anything an experiment does not change, before anything is done.
fn check(journal: &Journal, hierarchy: &MemoryHierarchy) -> Result<()> {
    let mount = hierarchy.mount();
    let is_ours = journal.scratch.file_name().is_some_and(|name| cgroup::number(name, PREFIX).is_some());
    ensure!(
        is_ours && journal.scratch.parent() == Some(mount),
        "refusing to remove {}: an experiment's cgroup is {}NUMBER; {BY_HAND}",
        journal.scratch.display(),
        mount.join(PREFIX).display()
    );
    if let Some(control) = &journal.switched_on {
        ensure!(
            *control == mount.join("cgroup.subtree_control"),
            "refusing to write {}: an experiment enables the controller at {} only; {BY_HAND}",
            control.display(),
            mount.display()
        );
    }
    for Knob { path, .. } in &journal.knobs {
        let name = path.to_str().filter(|name| name.starts_with('/'));
        let placed = name.map(|name| knob::place(name, Some(mount)));
        match placed {
            Some(Ok(place)) if place == *path => {}
            Some(Err(why)) => bail!("refusing to write {}: {why}; {BY_HAND}", path.display()),
            Some(Ok(_)) | None => bail!(
                "refusing to write {}: it is not a knob that an experiment may change; {BY_HAND}",
                path.display()
            ),
        }
    }
    Ok(())
}

fn put_back(Knob { path, value }: &Knob) -> Result<(), String> {
    let now = || knob_file::read(path).unwrap_or_default();
    if now() == *value {
        return Ok(());
    }
    let written = knob_file::write(path, knob::value(value));
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

/// `oomtrace experiment --restore`.
pub(super) fn command(directory: &Path) -> Result<crate::exit::Exit> {
    // If there was no experiment, nothing is created.
    let Some(state) = State::open(directory)? else {
        say(format_args!("nothing to restore in {}", directory.display()));
        return Ok(crate::exit::Exit::Success);
    };
    let _lock = state.lock()?;
    match restore(&state).context("restoring everything")? {
        None => say(format_args!("nothing to restore in {}", directory.display())),
        Some(journal) if journal.boot_id != boot_id() => say(format_args!(
            "the machine was rebooted after the experiment {}: the kernel started with its own values, so there is nothing to \
             restore",
            journal.file.display()
        )),
        Some(journal) => say(format_args!(
            "restored the settings of the experiment {} ({}); its cgroups and processes have been removed",
            journal.file.display(),
            journal.knobs.len()
        )),
    }
    Ok(crate::exit::Exit::Success)
}
