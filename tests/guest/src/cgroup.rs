//! The cgroups of a scenario.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use oomtrace_scenarios::scenario::{Cgroup, Hierarchy};
use oomtrace_scenarios::text::Text;

/// How long a cgroup may stay busy after its processes exited.
const REMOVAL: Duration = Duration::from_secs(5);

/// A cgroup that exists until dropped.
pub(crate) struct Made {
    hierarchy: Hierarchy,
    directory: PathBuf,
    /// The cgroup's counters when it was created.
    pub(crate) before: BTreeMap<String, u64>,
}

impl Made {
    /// Create a cgroup and write its files.
    pub(crate) fn new(hierarchy: Hierarchy, cgroup: &Cgroup) -> Result<Self> {
        let directory = directory(hierarchy, &cgroup.path);
        if hierarchy == Hierarchy::V2 {
            let parent = directory.parent().context("a cgroup needs a parent")?;
            for controller in controllers(cgroup) {
                fs::write(parent.join("cgroup.subtree_control"), format!("+{controller}")).with_context(
                    || format!("enabling the {controller} controller in {}", parent.display()),
                )?;
            }
        }
        fs::create_dir(&directory).with_context(|| format!("making cgroup {}", cgroup.path))?;
        let mut made = Self { hierarchy, directory, before: BTreeMap::new() };
        for (name, value) in &cgroup.files {
            fs::write(made.directory.join(name), value)
                .with_context(|| format!("writing {value} to {name} of {}", cgroup.path))?;
        }
        made.before = made.counters()?;
        Ok(made)
    }

    /// The current counters.
    pub(crate) fn counters(&self) -> Result<BTreeMap<String, u64>> {
        counters(self.hierarchy, &self.directory)
    }
}

/// The controllers whose files a cgroup needs.
fn controllers(cgroup: &Cgroup) -> Vec<&'static str> {
    let has = |prefix: &str| cgroup.files.iter().any(|(name, _)| name.starts_with(prefix));
    let cpuset = has("cpuset.").then_some("cpuset");
    ["memory"].into_iter().chain(cpuset).collect()
}

/// The counters of a cgroup, by name.
pub(crate) fn counters(hierarchy: Hierarchy, directory: &Path) -> Result<BTreeMap<String, u64>> {
    let file = directory.join(match hierarchy {
        Hierarchy::V2 => "memory.events",
        Hierarchy::V1 => "memory.oom_control",
    });
    let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    Ok(pairs.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect())
}

impl Drop for Made {
    fn drop(&mut self) {
        let deadline = Instant::now() + REMOVAL;
        while let Err(error) = fs::remove_dir(&self.directory) {
            if Instant::now() >= deadline {
                eprintln!("guest: removing {}: {error}", self.directory.display());
                break;
            }
            // The kernel does not report when an empty cgroup can be removed.
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The directory of a cgroup.
pub(crate) fn directory(hierarchy: Hierarchy, path: &Text) -> PathBuf {
    let below = path.to_path();
    Path::new(hierarchy.mount_point()).join(below.strip_prefix("/").unwrap_or(&below))
}

/// Whether cgroups of the unified hierarchy, except the root, have a file with this name.
pub(crate) fn has_file(name: &str) -> bool {
    let directory = Path::new(Hierarchy::V2.mount_point()).join("looking");
    let found = fs::create_dir(&directory).is_ok() && directory.join(name).exists();
    // The cgroup is empty. If it could not be created, it cannot be removed either.
    let _ = fs::remove_dir(&directory);
    found
}
