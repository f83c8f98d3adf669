//! The commands, one file or directory each. This file turns options into settings, and errors into exit statuses.

mod check;
mod demo;
mod diff;
mod dump;
mod experiment;
mod list;
mod rank;
mod record;
mod reload;
mod replay;
pub mod settings;
pub mod shared;
mod show;
mod watch;
mod whatif;
mod why;

use std::{ffi::OsString, time::Duration};

use anyhow::Result;
use rustix::thread::CapabilitySet;

use self::shared::{history, html, ready, say::say};
use crate::{
    bytes::ByteString,
    cgroup::is_below,
    cli::{Cli, Command, HistoryChoice, Look, NamesChoice, Only, TierChoice, settings::Setting},
    exit::Exit,
    kernel::{
        cmdlines::Cmdlines,
        pid_namespace::has_machines_pids,
        privilege::keep_only,
        protect::Protection,
        start::StartError,
        system_calls::{Needs, refuse_all_others},
        tier::{Tier, Wanted},
    },
    pipeline::{Filter, Filters, ForecastFilter, PipelineError, Totals},
    recording::ReadError,
    redact::Redact,
    report::Report,
    server::NotFound,
    source::{
        SourceError,
        history::{self as minutes, History},
        names::{self, Names},
    },
    whatif::Refusal,
};

/// Runs the command. `settings` are those of the file and the environment that the command line uses.
///
/// # Errors
///
/// The error of the command; [`exit_of`] gives its exit status.
pub fn run(cli: &Cli, settings: Vec<Setting>) -> Result<Exit> {
    #[cfg(feature = "faults")]
    crate::faults::read(crate::kernel::fault::slot_named)?;
    match &cli.command {
        None => watch::run(&cli.watch, settings),
        Some(Command::Watch(options)) => watch::run(options, settings),
        Some(Command::Check(options)) => check::run(options),
        Some(Command::Demo(options)) => demo::run(options),
        Some(Command::Record(options)) => record::run(options, settings),
        Some(Command::List(options)) => list::run(options),
        Some(Command::Show(options)) => show::run(options),
        Some(Command::Why(options)) => why::run(options),
        Some(Command::Diff(options)) => diff::run(options),
        Some(Command::Replay(options)) => replay::run(options),
        Some(Command::Rank(options)) => rank::run(options),
        Some(Command::Whatif(options)) => whatif::run(options),
        Some(Command::Dump(options)) => dump::run(options),
        Some(Command::DemoVictim(options)) => demo::victim::run(options),
        Some(Command::Experiment(options)) => experiment::run(options),
        Some(Command::ExperimentSupervisor(options)) => experiment::supervisor::run(&options.state),
        Some(Command::ExperimentProcess(options)) => experiment::process::run(options),
    }
}

/// Reports that all hooks are attached.
fn say_armed(tier: Tier, protection: Protection) {
    let unseen = if has_machines_pids() {
        ""
    } else {
        " (in a pid namespace below the machine's, command lines and executables are not seen; a container needs the host's)"
    };
    say(format_args!("armed, tier {}{}{unseen}", tier.name(), protection.remark()));
    ready::tell();
}

/// Gives up the capabilities that are no longer needed. If that fails, oomtrace says so and continues.
fn give_up_all_but(needed: CapabilitySet) {
    if let Err(error) = keep_only(needed) {
        say(format_args!("cannot give up the capabilities that are no longer needed: {error}"));
    }
}

/// Gives up the system calls that are no longer needed. If that fails, oomtrace says so and continues.
fn refuse_other_calls(needs: Needs) {
    if let Err(error) = refuse_all_others(needs) {
        say(format_args!("cannot block the system calls that are no longer needed: {error}"));
    }
}

/// The exit status of an error: that of the first cause that has its own status.
#[must_use]
pub fn exit_of(error: &anyhow::Error) -> Exit {
    error.chain().find_map(exit_of_cause).unwrap_or(Exit::Failure)
}

fn exit_of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<Exit> {
    if let Some(error) = cause.downcast_ref::<StartError>() {
        return Some(error.exit());
    }
    if cause.is::<ReadError>() || cause.is::<experiment::FileError>() {
        return Some(Exit::Input);
    }
    if let Some(error) = cause.downcast_ref::<record::NotStarted>() {
        return Some(error.exit());
    }
    if let Some(error) = cause.downcast_ref::<html::PageError>() {
        return Some(error.exit());
    }
    if cause.is::<why::Denied>() {
        return Some(Exit::Privilege);
    }
    if cause.is::<why::CannotAsk>() {
        return Some(Exit::Input);
    }
    if cause.is::<Refusal>() || cause.is::<history::NotHeld>() {
        return Some(Exit::Unanswered);
    }
    if cause.is::<NoHistory>() || cause.is::<history::OnePlace>() {
        return Some(Exit::Usage);
    }
    if cause.is::<NotFound>() || cause.is::<whatif::WhichError>() || cause.is::<show::TwoMeant>() {
        return Some(Exit::Usage);
    }
    match cause.downcast_ref::<PipelineError>()? {
        PipelineError::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Some(Exit::Success),
        PipelineError::Output(_) => Some(Exit::Output),
        PipelineError::Source(
            SourceError::Recording(_) | SourceError::InFile { .. } | SourceError::EmptyDirectory { .. },
        ) => Some(Exit::Input),
        PipelineError::Source(_) => Some(Exit::Failure),
    }
}

impl Look {
    /// Whether command lines may be read.
    const fn cmdlines(&self) -> Cmdlines {
        if self.no_cmdline { Cmdlines::Never } else { Cmdlines::Read }
    }

    /// Additional programs that kill when memory is short.
    fn killers(&self) -> Vec<ByteString> {
        self.killer.iter().map(|name| ByteString::from(name.as_encoded_bytes().to_vec())).collect()
    }

    /// The source of names, with the thread that reads them.
    fn names(&self) -> Option<Names> {
        (self.names == NamesChoice::Auto).then(names::start)
    }

    /// Refuses a forecast from a history that is off.
    const fn check(&self) -> Result<(), NoHistory> {
        match (self.history, self.forecast) {
            (HistoryChoice::Off, Some(_)) => Err(NoHistory),
            _ => Ok(()),
        }
    }

    /// Starts the thread that takes the samples of the minutes before a kill.
    fn history(&self) -> Option<History> {
        match self.history {
            HistoryChoice::Off => None,
            HistoryChoice::Every(every) => Some(minutes::start(ns(every), self.forecast.map(ns))),
        }
    }
}

fn ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// An error: a forecast was requested without the samples that it needs.
#[derive(Debug, thiserror::Error)]
#[error("--forecast needs the samples of --history, which is off")]
struct NoHistory;

impl From<TierChoice> for Wanted {
    fn from(choice: TierChoice) -> Self {
        match choice {
            TierChoice::Auto => Self::Best,
            TierChoice::Fentry => Self::Only(Tier::Fentry),
            TierChoice::Kprobe => Self::Only(Tier::Kprobe),
            TierChoice::Tracepoint => Self::Only(Tier::Tracepoint),
        }
    }
}

/// Returns the setting that `--redact` selects.
const fn redact(wanted: bool) -> Redact {
    if wanted { Redact::Secrets } else { Redact::Nothing }
}

/// Returns the filter that the options describe.
fn filter(only: &Only) -> Filter {
    let Only { cgroup, comm, pid, container, pod, namespace, unit, cause } = only;
    let (pid, cause) = (*pid, *cause);
    let bytes = |typed: &Option<OsString>| typed.as_ref().map(|typed| typed.as_encoded_bytes().to_vec());
    let [cgroup, comm, container] = [cgroup, comm, container].map(bytes);
    let [pod, namespace, unit] = [pod, namespace, unit].map(bytes);
    Box::new(move |report| {
        let fits = |wanted: &Option<Vec<u8>>, is_of: fn(&Report, &[u8]) -> bool| {
            wanted.as_ref().is_none_or(|wanted| is_of(report, wanted))
        };
        fits(&cgroup, Report::is_in_cgroup)
            && fits(&comm, Report::has_victim_named)
            && fits(&container, Report::is_of_container)
            && fits(&pod, Report::is_of_pod)
            && fits(&namespace, Report::is_of_namespace)
            && fits(&unit, Report::is_of_unit)
            && pid.is_none_or(|pid| report.has_victim(pid))
            && cause.is_none_or(|cause| report.cause.code == cause)
    })
}

/// Returns the filter for forecasts. Only `--cgroup` applies to them: the other options are about victims and causes.
fn forecasts(only: &Only) -> ForecastFilter {
    let cgroup = only.cgroup.as_ref().map(|typed| typed.as_encoded_bytes().to_vec());
    Box::new(move |announcement| {
        let is_in = |wanted: &Vec<u8>| {
            announcement.cgroup.as_ref().is_some_and(|path| is_below(path.as_bytes(), wanted))
        };
        cgroup.as_ref().is_none_or(is_in)
    })
}

/// Returns both filters that the options describe.
fn filters(only: &Only) -> Filters {
    Filters { reports: filter(only), forecasts: forecasts(only) }
}

/// Prints the totals at the end.
fn print_totals(totals: Totals) {
    let Totals { incidents, victims, frames, lost, unreported_kills, unrecorded } = totals;
    let unreported = if unreported_kills > 0 {
        format!(" (among them all frames of {unreported_kills} OOM kills)")
    } else {
        String::new()
    };
    let unrecorded = if unrecorded > 0 { format!(", {unrecorded} not recorded") } else { String::new() };
    say(format_args!(
        "{incidents} incidents, {victims} victims, {frames} frames, {lost} lost{unreported}{unrecorded}"
    ));
}
