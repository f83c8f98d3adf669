//! `oomtrace record`: the flight recorder.

mod child;
mod verdict;

use std::{io, os::fd::AsFd as _};

use anyhow::{Context as _, Result};

pub(super) use self::child::NotStarted;
use self::{child::Child, verdict::Collector};
use super::{
    give_up_all_but, print_totals, refuse_other_calls,
    reload::{Applying, Reload},
    say_armed,
    shared::{
        consumers::{Running, wanted},
        ready::heartbeat,
        rehearsal::rehearse,
        say::say,
        signals::Stop,
    },
};
use crate::{
    cli::{Cli, Record, settings::Setting},
    exit::Exit,
    kernel::{
        code::shed_code,
        killers,
        privilege::{COMMAND, TRACING},
        protect::protect,
        reserve,
        start::{Started, start},
    },
    pipeline::Pipeline,
    recording::recorder::{Limits, Opened, Place, Recorder, Rotation},
    server::OomdHook,
    sink::Sink,
    source::{live::Live, session},
};

pub(super) fn run(options: &Record, settings: Vec<Setting>) -> Result<Exit> {
    // Check everything that the user can have got wrong before changing anything in the kernel.
    options.look.check()?;
    let opened = open(place(options))?;
    let wanted = wanted(&options.consumers, !options.look.no_cmdline)?;
    let (stop, reload) = (Stop::on_signals()?, Reload::on_signal()?);
    reserve::keep_heap_small();
    let Started { mut armed, facts, resolved } = start(options.tier.into(), options.look.cmdlines())?;
    killers::name(&mut armed.ebpf, &options.look.killers())?;
    let tier = armed.tier;
    let recorder = begin(opened)?;
    shed_code();
    let session = session::frame(&armed, facts, &resolved, options.look.killers());
    let mut live = Live::new(armed, session, stop.readable.as_fd(), None)?
        .naming(options.look.names())
        .remembering(options.look.history())
        .hearing(wanted.oomd_hook.as_ref().map(OomdHook::prekills))
        .beating(heartbeat())
        .waking(reload.wake());
    let child = (!options.command.is_empty()).then(|| Child::start(&options.command, &stop)).transpose()?;
    let mut running = Running::start(wanted, tier, Some(&recorder))?;
    let protection = protect();
    give_up_all_but(if child.is_some() { TRACING | COMMAND } else { TRACING });
    refuse_other_calls(running.needs());
    rehearse(tier, running.formats())?;
    say_armed(tier, protection);
    let collector = options.verdict.as_ref().and(child.as_ref()).and_then(Child::pid).map(Collector::new);
    let mut sinks: Vec<Box<dyn Sink>> = running.sink().into_iter().collect();
    sinks.extend(collector.clone().map(|collector| Box::new(collector) as Box<dyn Sink>));
    let exchange = reload.exchange(settings, applying(options, recorder.limits()))?;
    let pipeline = Pipeline::new(sinks, Box::new(|_| true)).exchanging(exchange);
    let finished = pipeline.counting(running.progress()).recording(Some(recorder)).run(&mut live);
    let (totals, _) = finished?;
    print_totals(totals);
    // End a command that still runs before waiting for the consumers.
    let status = child.map(Child::wait).transpose();
    running.finish();
    let Some(status) = status? else { return Ok(Exit::Success) };
    if let Some((file, collector)) = options.verdict.as_ref().zip(collector) {
        collector.write(file, &options.command, status, totals.lost)?;
    }
    Ok(child::exit(status))
}

/// Opens a recording. Its thread starts later.
pub(super) fn open(place: Place) -> Result<Opened> {
    let named = match &place {
        Place::File(path) | Place::Directory(path, _) => path.display().to_string(),
    };
    Recorder::open(place).map_err(|error| explain(error, &named))
}

/// Starts the thread of a recording. The thread prints errors to standard error.
pub(super) fn begin(opened: Opened) -> Result<Recorder> {
    opened.start(Box::new(|trouble| say(trouble))).context("starting the thread that records")
}

fn explain(error: io::Error, named: &str) -> anyhow::Error {
    let exists = error.kind() == io::ErrorKind::AlreadyExists;
    let why = if exists { " (an existing file is never overwritten)" } else { "" };
    anyhow::Error::new(error).context(format!("creating the recording {named}{why}"))
}

fn place(options: &Record) -> Place {
    match (&options.place.output, &options.place.dir) {
        (Some(file), _) => Place::File(file.clone()),
        (None, directory) => Place::Directory(directory.clone().unwrap_or_default(), rotation(options)),
    }
}

const fn rotation(options: &Record) -> Rotation {
    Rotation { file_bytes: options.max_size, file_age: options.max_age, total_bytes: options.max_total }
}

/// The settings that can change while the recorder runs. A single file has no limits.
fn applying(options: &Record, limits: Limits) -> Applying {
    let apply = move |cli: &Cli| {
        cli.record().map(rotation).into_iter().for_each(|rotation| limits.set(rotation));
        None
    };
    let names: &[&str] =
        if options.place.dir.is_some() { &["max-size", "max-age", "max-total"] } else { &[] };
    Applying { names, apply: Box::new(apply) }
}
