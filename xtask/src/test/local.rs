//! Real kills on this machine, in scratch cgroups. They are memory cgroups, so the machine itself never runs out.

mod afterwards;
mod demo;
mod ends;
pub(crate) mod experiment;
mod follow;
mod forecast;
mod idle_victim;
pub(super) mod kills;
mod lead_up;
mod memory;
mod metrics;
mod named;
mod names;
mod namespaces;
mod oomd_hook;
mod planted;
mod privileges;
mod rank;
mod recorded;
mod reload;
mod secrets;
mod sigterm;
mod survival;
pub(super) mod tracer;
mod tutorial;
mod user_kill;
mod verdict;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use super::Tally;
use crate::host::scratch;
use crate::host::setup;
use crate::vm::guest::programs::{self, Programs};

/// The programs as files, and the directory for cgroups.
pub(crate) struct Local {
    folder: TempDir,
    /// The directory in which cgroups can be created.
    pub(super) hierarchy: PathBuf,
}

/// Run the tests.
pub(crate) fn run(tally: &mut Tally) {
    let Some(hierarchy) = scratch::hierarchy() else {
        return tally
            .skip("kills on this machine", "no cgroup hierarchy with the memory controller can be written");
    };
    match Local::new(hierarchy) {
        Ok(local) => local.tests(tally),
        Err(error) => tally.count("kills on this machine", Err(error)),
    }
}

/// Compares a Prometheus with the JSON and the kernel's counters in a storm of this many kills.
pub(crate) fn prometheus(kills: usize) -> Result<()> {
    setup::apt(&[metrics::PACKAGE])?;
    let hierarchy =
        scratch::hierarchy().context("no cgroup hierarchy with the memory controller can be written")?;
    metrics::prometheus_agrees(&Local::new(hierarchy)?, kills)
}

impl Local {
    pub(crate) fn new(hierarchy: PathBuf) -> Result<Self> {
        let Programs { hog, tracer, .. } = programs::build(true)?;
        let folder = TempDir::new().context("creating a directory for the programs")?;
        for (name, bytes) in [("hog", hog), ("oomtrace", tracer.context("no tracer was built")?)] {
            let path = folder.path().join(name);
            fs::write(&path, bytes).with_context(|| format!("writing {}", path.display()))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
                .with_context(|| format!("making {} executable", path.display()))?;
        }
        Ok(Self { folder, hierarchy })
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn tests(&self, tally: &mut Tally) {
        tally.count("demo reports a real kill", demo::reports(self));
        tally.count("demo cleans up when interrupted", demo::cleans_up(self));
        tally.count("demo removes the leftovers of a killed demo", demo::removes_stale(self));
        tally.count("a hundred kills in a row, each reported once", kills::hundred(self));
        tally.count("frames lost behind a stopped tracer are counted", kills::loss_is_counted(self));
        self.facts(tally);
        tally.count("live equals replay", kills::live_equals_replay(self));
        tally.count(
            "a command that runs again, a cgroup that is gone",
            afterwards::restarted_and_removed(self),
        );
        tally.count("takes no memory from the kernel during a kill", memory::none_in_a_kill(self));
        tally.count("distinguishes a leak, a burst and starting processes", lead_up::shapes(self));
        tally.count("a victim that had not grown", lead_up::innocent(self));
        tally.count("a forecast comes true", forecast::comes_true(self));
        tally.count("a recorder killed in a storm of kills", survival::killed_in_a_storm(self));
        self.recorders(tally);
        tally.count("a verdict distinguishes an OOM kill from other ends", verdict::told_apart(self));
        self.names(tally);
        tally.count("secrets in command lines are hidden", secrets::hidden(self));
        tally.count("reads no command lines with --no-cmdline", secrets::not_read(self));
        tally.count("privileges that are needed no more are given up", privileges::given_up(self));
        tally.count("the thread of --metrics has no privileges", privileges::server_has_none(self));
        tally.count("a victim outside the tracer's pid namespace", namespaces::no_mistake(self));
        tally.count("the demo in a pid namespace", namespaces::demo(self));
        tally.count("the date in a time namespace", namespaces::right_date(self));
        self.user_kills(tally);
        tally.count("settings change between kills on SIGHUP", reload::applies_between_kills(self));
        tally.count("nohup still ignores SIGHUP", reload::stays_ignored(self));
        tally.count("a closed standard output", ends::closed_output(self));
        tally.count("standard output is /dev/null", ends::null_output(self));
        tally.count("a reader that closes the pipe", ends::reader_goes(self));
        tally.count("bad input files", ends::bad_input(self));
        tally.count("check agrees with watch", ends::check(self));
        self.files(tally);
        self.metrics(tally);
        tally.count("rank has the order of oom_score", rank::agrees_with_oom_score(self));
        tally.count("rank shows the files that no kill frees", rank::shows_files(self));
        tally.count("every command of the tutorial works as shown", tutorial::works(self));
    }

    /// Run the tests of kills by user space.
    fn user_kills(&self, tally: &mut Tally) {
        tally.count("kills by user space, with and without a shortage", user_kill::told_apart(self));
        tally.count("SIGTERM by a killer, and SIGKILL after it", sigterm::told_apart(self));
        tally.count("a kill that its sender announced", oomd_hook::announced_kill_is_reported(self));
    }

    /// Run the tests of files that a killed or hostile process left behind.
    fn files(&self, tally: &mut Tally) {
        tally.count("an experiment killed at any moment", experiment::survives_kills(self, 12));
        tally.count("an experiment interrupted at the terminal", experiment::ends_on_interrupt(self, 5));
        tally.count(
            "an experiment distinguishes different and equal variants",
            experiment::tells_apart(self, 10),
        );
        tally.count("a journal that another user planted", planted::journal(self));
        tally.count("a page over a file that another user planted", planted::page(self));
        tally.count("recordings in another user's directory", planted::recordings(self));
    }

    /// Run the tests of recorders and of readers that wait for them.
    fn recorders(&self, tally: &mut Tally) {
        tally.count("list --follow prints each kill of a running recorder", follow::prints_each_kill(self));
        tally.count("list --follow reports damage", follow::reports_damage(self));
        tally.count("a recorded command's status is passed on", recorded::passes_on(self));
        tally.count("a recorded command ends with its recorder", recorded::ends_with_it(self));
    }

    /// Run the tests of the facts that victims send.
    fn facts(&self, tally: &mut Tally) {
        tally.count("a victim that was not allocating sends its facts", idle_victim::sends_its_facts(self));
        tally.count(
            "only victims of the OOM killer send their facts",
            idle_victim::alone_sends_its_facts(self),
        );
    }

    /// Run the tests of names.
    fn names(&self, tally: &mut Tally) {
        tally.count("a kill opens no file with names of containers", named::opens_no_file(self));
        tally.count("a container that is killed within milliseconds", named::brief(self));
        tally.count("a container takes no other container's name", named::hostile(self));
        tally.count("names with escape sequences and invalid UTF-8", names::odd(self));
    }

    /// Run the tests that need a Prometheus.
    fn metrics(&self, tally: &mut Tally) {
        if let Err(error) = setup::apt(&[metrics::PACKAGE]) {
            return tally.skip("metrics in Prometheus", format!("{error:#}"));
        }
        tally.count(
            "Prometheus and the JSON agree in a storm of kills",
            metrics::prometheus_agrees(self, metrics::KILLS),
        );
        tally.count("rules and alerts of contrib/prometheus", metrics::rules());
    }
}
