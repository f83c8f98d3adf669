//! An experiment as its file describes it (`docs/experiments.md`). Sizes are bytes.

use std::time::Duration;

/// One experiment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The question it answers.
    pub title: String,
    /// Runs of each variant.
    pub repeats: u32,
    /// Seed for the order of the runs.
    pub seed: u64,
    /// How long a run may take.
    pub time_limit: Duration,
    /// How long a run continues after the last kill.
    pub settle: Duration,
    /// Limit for all processes together; `None` if the machine itself may run out of memory.
    pub limit: Option<At<u64>>,
    /// Limit of swap, in addition to the limit of memory.
    pub swap_limit: u64,
    /// The cgroups, each parent before its children.
    pub cgroups: Vec<Cgroup>,
    /// The processes, in the order of their starts.
    pub processes: Vec<Process>,
    /// Knobs that are set in every run.
    pub knobs: Vec<Setting>,
    /// The variants.
    pub variants: Vec<Variant>,
}

/// A value with its place in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// The line, counted from 1.
    pub line: usize,
}

/// A scratch cgroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup {
    /// Its path below the experiment's own, without a slash at either end.
    pub path: String,
    /// Its files and the values to write to them.
    pub files: Vec<Setting>,
    /// Its line.
    pub line: usize,
}

/// A named setting and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// A cgroup's file, a sysctl's dotted name or an absolute path.
    pub name: String,
    /// The value to write.
    pub value: String,
    /// Its line.
    pub line: usize,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its name in the results, and for a hog also its `comm`.
    pub name: String,
    /// The cgroup that it lives in; `None` for the experiment's own.
    pub cgroup: Option<At<String>>,
    /// Its work.
    pub work: Work,
    /// -1000 to 1000.
    pub oom_score_adj: i16,
    /// It starts when this process holds all of its memory or, for a command, has started.
    pub after: Option<At<String>>,
    /// It starts this much later.
    pub delay: Duration,
    /// Its line.
    pub line: usize,
}

/// The work of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// It takes memory.
    Hog(Hog),
    /// It is a program with its arguments.
    Command(Vec<String>),
}

/// How a process takes memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hog {
    /// The kind of memory.
    pub shape: Shape,
    /// Total size, in bytes.
    pub bytes: u64,
    /// Bytes per second; `None` for as fast as possible.
    pub rate: Option<u64>,
    /// Threads or processes that share the work.
    pub count: u32,
    /// Whether it keeps running once it holds all of its memory.
    pub hold: bool,
}

/// A kind of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Shape {
    /// Private anonymous memory.
    Anon,
    /// Pages of a file, mapped shared.
    File,
    /// Shared anonymous memory.
    Shmem,
    /// A file on the kernel's internal tmpfs, written and not mapped, so it is not part of any process's resident memory.
    Tmpfs,
    /// Page tables.
    PageTables,
    /// Private anonymous memory, allocated by many threads.
    Threads,
    /// Private anonymous memory of processes that are forked one after the other.
    Forks,
}

impl Shape {
    /// All shapes.
    pub const ALL: [Self; 7] =
        [Self::Anon, Self::File, Self::Shmem, Self::Tmpfs, Self::PageTables, Self::Threads, Self::Forks];

    /// Its name in the file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anon => "anon",
            Self::File => "file",
            Self::Shmem => "shmem",
            Self::Tmpfs => "tmpfs",
            Self::PageTables => "page-tables",
            Self::Threads => "threads",
            Self::Forks => "forks",
        }
    }
}

/// The differences of a variant from the rest of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Its name in the results.
    pub name: String,
    /// Files of cgroups that exist.
    pub cgroups: Vec<Cgroup>,
    /// Processes that exist.
    pub processes: Vec<ProcessChange>,
    /// Knobs.
    pub knobs: Vec<Setting>,
    /// Its line.
    pub line: usize,
}

/// The differences of one process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessChange {
    /// Its name.
    pub name: String,
    /// Its `oom_score_adj`.
    pub oom_score_adj: Option<i16>,
    /// Its size.
    pub bytes: Option<u64>,
    /// Its rate.
    pub rate: Option<u64>,
    /// Its program and arguments.
    pub command: Option<Vec<String>>,
    /// Its line.
    pub line: usize,
}

/// The settings of one run: those of the file, overridden by those of a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The cgroups.
    pub cgroups: Vec<Cgroup>,
    /// The processes.
    pub processes: Vec<Process>,
    /// The knobs.
    pub knobs: Vec<Setting>,
}

impl Plan {
    /// Computes the settings of a run of this variant.
    #[must_use]
    pub fn layout(&self, variant: &Variant) -> Layout {
        let mut layout = Layout {
            cgroups: self.cgroups.clone(),
            processes: self.processes.clone(),
            knobs: self.knobs.clone(),
        };
        overlay(&mut layout.knobs, &variant.knobs);
        for change in &variant.cgroups {
            let cgroup = layout.cgroups.iter_mut().find(|cgroup| cgroup.path == change.path);
            cgroup.into_iter().for_each(|cgroup| overlay(&mut cgroup.files, &change.files));
        }
        for change in &variant.processes {
            let process = layout.processes.iter_mut().find(|process| process.name == change.name);
            process.into_iter().for_each(|process| change.apply(process));
        }
        layout
    }

    /// Every knob that any run sets, without repetitions.
    #[must_use]
    pub fn all_knobs(&self) -> Vec<&Setting> {
        let mut knobs: Vec<&Setting> = Vec::new();
        for setting in self.knobs.iter().chain(self.variants.iter().flat_map(|variant| &variant.knobs)) {
            if knobs.iter().all(|known| known.name != setting.name) {
                knobs.push(setting);
            }
        }
        knobs
    }
}

impl ProcessChange {
    fn apply(&self, process: &mut Process) {
        process.oom_score_adj = self.oom_score_adj.unwrap_or(process.oom_score_adj);
        match (&mut process.work, &self.command) {
            (Work::Hog(hog), _) => {
                hog.bytes = self.bytes.unwrap_or(hog.bytes);
                hog.rate = self.rate.or(hog.rate);
            }
            (Work::Command(words), Some(command)) => words.clone_from(command),
            (Work::Command(_), None) => {}
        }
    }
}

fn overlay(settings: &mut Vec<Setting>, changes: &[Setting]) {
    for change in changes {
        match settings.iter_mut().find(|setting| setting.name == change.name) {
            Some(setting) => *setting = change.clone(),
            None => settings.push(change.clone()),
        }
    }
}
