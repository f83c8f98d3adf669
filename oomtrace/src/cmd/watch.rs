//! `oomtrace watch`: reports each OOM kill when it happens.

use std::{io, os::fd::AsFd as _};

use anyhow::Result;

use super::{
    filters, give_up_all_but, print_totals, record, redact, refuse_other_calls,
    reload::{Applying, Reload},
    say_armed,
    shared::{
        consumers::{Running, wanted},
        output,
        ready::heartbeat,
        rehearsal::rehearse,
        signals::Stop,
    },
};
use crate::{
    cli::{Watch, settings::Setting},
    exit::Exit,
    kernel::{
        code::shed_code,
        killers,
        privilege::TRACING,
        protect::protect,
        reserve,
        start::{Started, start},
    },
    pipeline::{Filters, Pipeline},
    recording::recorder::Place,
    server::OomdHook,
    source::{Ended, live::Live, session},
};

/// The settings that can change between two incidents.
fn applying() -> Applying {
    Applying {
        names: &["cgroup", "comm", "pid", "container", "pod", "namespace", "unit", "cause"],
        apply: Box::new(|cli| cli.watch().map(|options| filters(&options.only))),
    }
}

pub(super) fn run(options: &Watch, settings: Vec<Setting>) -> Result<Exit> {
    // Check everything that the user can have got wrong before changing anything in the kernel.
    options.look.check()?;
    let stdout = io::stdout();
    let opened = options.record.clone().map(|path| record::open(Place::File(path))).transpose()?;
    let wanted = wanted(&options.consumers, !options.look.no_cmdline)?;
    let (stop, reload) = (Stop::on_signals()?, Reload::on_signal()?);
    reserve::keep_heap_small();
    let Started { mut armed, facts, resolved } = start(options.tier.into(), options.look.cmdlines())?;
    killers::name(&mut armed.ebpf, &options.look.killers())?;
    let tier = armed.tier;
    let recording = opened.map(record::begin).transpose()?;
    shed_code();
    let session = session::frame(&armed, facts, &resolved, options.look.killers());
    let hang_up = io::stdout();
    let mut live = Live::new(armed, session, stop.readable.as_fd(), Some(hang_up.as_fd()))?
        .naming(options.look.names())
        .remembering(options.look.history())
        .hearing(wanted.oomd_hook.as_ref().map(OomdHook::prekills))
        .beating(heartbeat())
        .waking(reload.wake());
    let mut running = Running::start(wanted, tier, recording.as_ref())?;
    let protection = protect();
    give_up_all_but(TRACING);
    refuse_other_calls(running.needs());
    rehearse(tier, &[&[options.format], running.formats()].concat())?;
    say_armed(tier, protection);
    let mut sinks = vec![output::sink(options.format, stdout)];
    sinks.extend(running.sink());
    let Filters { reports, forecasts } = filters(&options.only);
    let pipeline = Pipeline::new(sinks, reports).foreseeing(forecasts).redacting(redact(options.redact));
    let pipeline = pipeline.exchanging(reload.exchange(settings, applying())?);
    let told = pipeline.counting(running.progress()).recording(recording).run(&mut live);
    running.finish();
    let (totals, ended) = told?;
    if ended != Some(Ended::NoReader) {
        print_totals(totals);
    }
    Ok(Exit::Success)
}
