//! `oomtrace rank`: the processes that the kernel would kill next, by its own formula. It reads procfs and cgroupfs, and needs no
//! privilege.

mod ask;
mod text;

use std::{
    io::{self, IsTerminal as _, Write},
    os::fd::AsFd as _,
    time::Duration,
};

use anyhow::{Context as _, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use self::ask::Growth;
use super::shared::signals::Stop;
use crate::{
    cli::{Rank, TableFormat},
    exit::Exit,
    pipeline::PipelineError,
    rank::Ranking,
};

/// The time between two rankings with `--watch`.
const EVERY: Duration = Duration::from_secs(1);

/// Moves the cursor to the top left and clears the screen.
const CLEAR: &str = "\x1b[H\x1b[2J";

pub(super) fn run(options: &Rank) -> Result<Exit> {
    let mut stdout = io::stdout();
    let mut growth = Growth::of(options.cgroup.as_deref(), !options.over.is_zero())?;
    if !options.watch {
        growth.measure(options.over);
        show(&look(&mut growth, options)?, &growth, options, &mut stdout)?;
        return Ok(Exit::Success);
    }
    let stop = Stop::on_signals()?;
    let clears = stdout.is_terminal() && options.format == TableFormat::Text;
    loop {
        let ranking = look(&mut growth, options)?;
        if clears {
            stdout.write_all(CLEAR.as_bytes()).map_err(PipelineError::Output)?;
        }
        show(&ranking, &growth, options, &mut stdout)?;
        if is_stopped(&stop)? {
            return Ok(Exit::Success);
        }
    }
}

/// Waits for the next ranking. Returns whether a signal came first.
fn is_stopped(stop: &Stop) -> Result<bool> {
    let timeout = Timespec::try_from(EVERY).context("a second is a time")?;
    let mut fds = [PollFd::from_borrowed_fd(stop.readable.as_fd(), PollFlags::IN)];
    match poll(&mut fds, Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(true),
        Err(error) => Err(error).context("waiting for the next look"),
    }
}

/// Takes one more sample of memory, and returns a ranking.
fn look(growth: &mut Growth, options: &Rank) -> Result<Ranking> {
    growth.look();
    Ok(growth.add_to(ask::ranking(options.cgroup.as_deref())?))
}

fn show(ranking: &Ranking, growth: &Growth, options: &Rank, output: &mut impl Write) -> Result<()> {
    let written = match options.format {
        TableFormat::Json => serde_json::to_writer(&mut *output, &ranking.top(options.top))
            .map_err(io::Error::from)
            .and_then(|()| writeln!(output)),
        TableFormat::Text => output.write_all(text::table(ranking, growth.over_ns(), options.top).as_bytes()),
    };
    Ok(written.and_then(|()| output.flush()).map_err(PipelineError::Output)?)
}
