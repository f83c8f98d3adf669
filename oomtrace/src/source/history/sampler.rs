//! The thread that takes the samples. It has no privileges and never uses more than a small share of one CPU.

use std::{
    os::fd::OwnedFd,
    path::PathBuf,
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use rustix::{
    fs::{CWD, OFlags},
    thread::CapabilitySet,
    time::{ClockId, clock_gettime},
};

use super::{
    Shared,
    foresee::{Search, due},
    hot::hot,
    reading::{
        files::{Files, open, stall_permille},
        machine::machine,
        processes::{Moment, Processes},
        tree::{Place, Tools, Tree},
    },
    series::SAMPLES,
};
use crate::{
    kernel::{clock, pid_namespace::has_machines_pids, privilege::keep_only, protect::be_io_flusher},
    lead_up::curve::Point,
    source::cgroup::{cgroupfs::MemoryHierarchy, memcg::directory},
};

/// The only capability that the thread needs: it locks memory as it touches it.
const NEEDED: CapabilitySet = CapabilitySet::IPC_LOCK;

/// Stack size. A walk keeps a buffer and a few words for each level.
const STACK_BYTES: usize = 512 << 10;

/// Interval between samples of a domain that is about to run out, ns.
const FAST_NS: u64 = 250_000_000;

/// The pause after a full sample is at least this many times the CPU time of the sample: 0.3 % of one CPU.
const TIMES_ITS_OWN: u64 = 333;

/// The same for a sample of the domains that are about to run out: 2 %.
const FAST_TIMES_ITS_OWN: u64 = 50;

/// Starts the thread and waits until it has dropped its privileges. If the start fails, there is no history, and everything
/// else continues.
pub(super) fn start(shared: Arc<Shared>, interval_ns: u64) {
    let thread = thread::Builder::new().name("oomtrace-sample".to_owned()).stack_size(STACK_BYTES);
    let given_up = Arc::new(Barrier::new(2));
    let started = Arc::clone(&given_up);
    let run = move || {
        // The thread's reads must not invoke the OOM killer.
        be_io_flusher();
        // A capability that cannot be dropped does no harm here.
        let _ = keep_only(NEEDED);
        started.wait();
        Sampler::new(shared, interval_ns).run();
    };
    if thread.spawn(run).is_ok() {
        given_up.wait();
    }
}

pub(super) struct Sampler {
    shared: Arc<Shared>,
    interval_ns: u64,
    tree: Option<(Tree, OwnedFd, PathBuf)>,
    files: Files,
    processes: Processes,
    meminfo: Option<OwnedFd>,
    pressure: Option<OwnedFd>,
    round: u32,
    /// Buffer for one curve.
    points: Vec<Point>,
}

impl Sampler {
    pub(super) fn new(shared: Arc<Shared>, interval_ns: u64) -> Self {
        let read = |path: &str| open(CWD, path, OFlags::RDONLY);
        let tree = MemoryHierarchy::find().and_then(|hierarchy| {
            let root = open(CWD, hierarchy.mount(), OFlags::PATH | OFlags::DIRECTORY)?;
            Some((Tree::new(&hierarchy), root, hierarchy.mount().to_owned()))
        });
        Self {
            shared,
            interval_ns,
            tree,
            files: Files::new(),
            processes: Processes::new(has_machines_pids()),
            meminfo: read("/proc/meminfo"),
            pressure: read("/proc/pressure/memory"),
            round: 0,
            points: Vec::with_capacity(SAMPLES),
        }
    }

    fn run(mut self) {
        loop {
            let begun = (clock::boot_ns(), cpu_ns());
            self.sample(begun.0);
            let took = cpu_ns().saturating_sub(begun.1);
            let next = begun.0.saturating_add(self.interval_ns.max(took.saturating_mul(TIMES_ITS_OWN)));
            self.wait(next);
        }
    }

    /// Samples everything.
    pub(super) fn sample(&mut self, at_ns: u64) {
        if self.shared.is_deciding(at_ns) {
            return;
        }
        self.round = self.round.wrapping_add(1);
        let now = Moment { at_ns, round: self.round };
        self.sample_machine(at_ns);
        if let Some((tree, root, _)) = &mut self.tree {
            let (files, processes) = (&mut self.files, &mut self.processes);
            let mut tools = Tools { files, processes, shared: &self.shared, now };
            tree.walk(root, &mut tools);
        }
        self.processes.sweep(&mut self.files, &self.shared, now);
        self.foresee(at_ns);
    }

    /// Announces the domains that approach their limit, if forecasts are on.
    fn foresee(&mut self, now_ns: u64) {
        let Some(announcements) = &self.shared.announcements else { return };
        if !self.shared.is_deciding(now_ns) {
            let search = Search { now_ns, horizon_ns: announcements.horizon_ns };
            let mut found = due(&mut self.shared.table(), search, &mut self.points);
            for process in found.iter_mut().flat_map(|forecast| &mut forecast.processes) {
                let comm = self.processes.comm(&mut self.files, process.pid);
                process.comm = comm.or(process.comm.take());
            }
            announcements.put(found);
        }
    }

    /// Sleeps until the given time. Samples domains that are about to run out more often.
    fn wait(&mut self, until_ns: u64) {
        loop {
            let now = clock::boot_ns();
            let left = until_ns.saturating_sub(now);
            if left == 0 {
                return;
            }
            let found = hot(&self.shared.table(), now, self.interval_ns);
            if found.is_empty() {
                return sleep(left);
            }
            let begun = cpu_ns();
            sleep(FAST_NS.min(left));
            if left > FAST_NS {
                self.sample_hot(&found.cgroups, found.machine);
            }
            let took = cpu_ns().saturating_sub(begun);
            sleep(took.saturating_mul(FAST_TIMES_ITS_OWN).saturating_sub(FAST_NS));
        }
    }

    /// Samples the domains that are about to run out.
    fn sample_hot(&mut self, cgroups: &[(u64, Vec<u8>)], machine: bool) {
        let at_ns = clock::boot_ns();
        if self.shared.is_deciding(at_ns) {
            return;
        }
        let now = Moment { at_ns, round: self.round };
        if machine {
            self.sample_machine(at_ns);
            self.processes.look_at_watched(&mut self.files, &self.shared, now);
        }
        self.sample_hot_cgroups(cgroups, now);
        self.foresee(at_ns);
    }

    fn sample_hot_cgroups(&mut self, cgroups: &[(u64, Vec<u8>)], now: Moment) {
        let Some((tree, _, mount)) = &mut self.tree else { return };
        let (files, processes) = (&mut self.files, &mut self.processes);
        let mut tools = Tools { files, processes, shared: &self.shared, now };
        for (parent, path) in cgroups {
            let below = directory(mount, &path.clone().into());
            if let Some(directory) = open(CWD, below, OFlags::PATH | OFlags::DIRECTORY) {
                let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
                let place = Place { parent: *parent, name, depth: 0, full: true, above_full: true };
                tree.visit(&directory, place, &mut tools);
            }
        }
    }

    fn sample_machine(&mut self, at_ns: u64) {
        let Some(meminfo) = self.meminfo.as_ref().and_then(|file| self.files.again(file)) else { return };
        let (mut sample, totals) = machine(meminfo, at_ns);
        let stall = self.pressure.as_ref().and_then(|file| stall_permille(self.files.again(file)?));
        sample.stall = stall.unwrap_or(u16::MAX);
        if let Some((tree, ..)) = &mut self.tree {
            tree.has_swap = totals.swap.is_some_and(|swap| swap > 0);
        }
        self.shared.table().keep_machine(sample, totals);
    }
}

fn cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}

fn sleep(ns: u64) {
    if ns > 0 {
        thread::sleep(Duration::from_nanos(ns));
    }
}
