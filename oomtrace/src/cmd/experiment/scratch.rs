//! The experiment's own cgroups: one with the limit for everything, and in it one tree for each run.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::{
    cmd::shared::cgroup,
    experiment::{
        file::NO_CGROUP,
        knob::file_of_cgroup,
        plan::{Cgroup, Plan, Process},
    },
    source::cgroup::cgroupfs::MemoryHierarchy,
};

/// Attempts to empty a cgroup, one every ten milliseconds.
pub(super) const ATTEMPTS: u32 = 2000;

/// Prefix of an experiment's cgroup; the experiment's pid follows.
pub(super) const PREFIX: &str = "oomtrace-experiment-";

/// The experiment's top cgroup.
pub(super) struct Scratch<'a> {
    hierarchy: &'a MemoryHierarchy,
    path: PathBuf,
}

/// The cgroups of one run; dropping it removes them with their processes.
pub(super) struct Tree {
    /// Directory of the topmost cgroup.
    pub(super) directory: PathBuf,
    /// Its path below the mount.
    pub(super) top: String,
}

/// Where an experiment's cgroup is.
pub(super) fn place(hierarchy: &MemoryHierarchy) -> PathBuf {
    hierarchy.mount().join(format!("{PREFIX}{}", std::process::id()))
}

/// The file in which the memory controller must be enabled first; `None` if it is enabled.
pub(super) fn to_switch_on(hierarchy: &MemoryHierarchy) -> Result<Option<PathBuf>> {
    let MemoryHierarchy::V2(mount) = hierarchy else { return Ok(None) };
    let control = mount.join("cgroup.subtree_control");
    let on = fs::read_to_string(&control).with_context(|| format!("reading {}", control.display()))?;
    Ok((!on.split_whitespace().any(|name| name == "memory")).then_some(control))
}

impl<'a> Scratch<'a> {
    /// Creates it with its limit. The journal already names it.
    pub(super) fn create(hierarchy: &'a MemoryHierarchy, plan: &Plan) -> Result<Self> {
        let path = place(hierarchy);
        if let Some(control) = to_switch_on(hierarchy)? {
            fs::write(&control, "+memory")
                .with_context(|| format!("switching the memory controller on in {}", control.display()))?;
        }
        make(&path)?;
        let scratch = Self { hierarchy, path };
        // Before 5.11, the limit of a v1 cgroup applied to its descendants only if this file was set; later kernels reject the
        // write.
        let _ = fs::write(scratch.path.join("memory.use_hierarchy"), "1");
        if let Some(limit) = &plan.limit {
            scratch.limit(limit.value, plan.swap_limit)?;
        }
        scratch.pass_on(&scratch.path)?;
        Ok(scratch)
    }

    fn limit(&self, bytes: u64, swap_bytes: u64) -> Result<()> {
        let (file, swap) = match self.hierarchy {
            MemoryHierarchy::V2(_) => ("memory.max", ("memory.swap.max", swap_bytes)),
            MemoryHierarchy::V1(_) => {
                ("memory.limit_in_bytes", ("memory.memsw.limit_in_bytes", bytes.saturating_add(swap_bytes)))
            }
        };
        write(&self.path.join(file), &bytes.to_string())?;
        let (file, bytes) = swap;
        // The file does not exist if the kernel does not account swap.
        if self.path.join(file).exists() { write(&self.path.join(file), &bytes.to_string()) } else { Ok(()) }
    }

    /// Enables limits in the cgroups inside.
    fn pass_on(&self, cgroup: &Path) -> Result<()> {
        match self.hierarchy {
            MemoryHierarchy::V2(_) => write(&cgroup.join("cgroup.subtree_control"), "+memory"),
            MemoryHierarchy::V1(_) => Ok(()),
        }
    }

    /// Creates the cgroups of a run.
    pub(super) fn tree(&self, number: usize, cgroups: &[Cgroup]) -> Result<Tree> {
        let directory = self.path.join(format!("run-{number}"));
        let below = directory
            .strip_prefix(self.hierarchy.mount())
            .context("the scratch cgroup is not below the mount")?;
        let tree = Tree { top: format!("/{}", below.display()), directory };
        make(&tree.directory)?;
        self.pass_on(&tree.directory)?;
        make(&tree.directory.join(NO_CGROUP))?;
        for cgroup in cgroups {
            self.make_one(&tree, cgroup, cgroups)?;
        }
        Ok(tree)
    }

    fn make_one(&self, tree: &Tree, cgroup: &Cgroup, all: &[Cgroup]) -> Result<()> {
        let path = tree.directory.join(&cgroup.path);
        make(&path)?;
        for setting in &cgroup.files {
            let (file, takes) =
                file_of_cgroup(&setting.name, self.hierarchy.name()).map_err(anyhow::Error::msg)?;
            let value = takes.written(&setting.value).map_err(anyhow::Error::msg)?;
            write(&path.join(file), &value).with_context(|| format!("line {}", setting.line))?;
        }
        let has_inside = all.iter().any(|other| other.path.starts_with(&format!("{}/", cgroup.path)));
        if has_inside { self.pass_on(&path) } else { Ok(()) }
    }
}

impl Tree {
    /// The `cgroup.procs` of a process's cgroup.
    pub(super) fn procs(&self, process: &Process) -> PathBuf {
        let path = process.cgroup.as_ref().map_or(NO_CGROUP, |cgroup| &cgroup.value);
        self.directory.join(path).join("cgroup.procs")
    }

    /// Kills its processes and removes it.
    pub(super) fn remove(self) -> Result<()> {
        cgroup::remove(&self.directory, ATTEMPTS)
    }
}

fn make(path: &Path) -> Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("making the cgroup {}", path.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn write(path: &Path, value: &str) -> Result<()> {
    fs::write(path, value).with_context(|| format!("writing {value} to {}", path.display()))
}
