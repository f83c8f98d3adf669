//! `oomtrace list`: the incidents of recordings, one line each.

use std::{
    fs,
    io::{self, BufWriter, IsTerminal as _, Write as _},
};

use anyhow::Result;
use rustix::termios::tcgetwinsize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::shared::{
    confine,
    history::{self, History},
    html,
    say::say,
};
use crate::{
    cli::{List, TableFormat},
    exit::Exit,
    forecast::Announcement,
    pipeline::PipelineError,
    report::{Report, Row},
    sink::{json, terminal},
    source::recordings::Unclosed,
};

pub(super) fn run(options: &List) -> Result<Exit> {
    // Read the file now, because this process gives up its access to it below.
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
    confine::to_reading(&history::read_from(&options.paths), options.html.as_deref());
    if options.follow {
        return follow(options);
    }
    let mut history = History::open(&options.paths, None, options.when, &options.only)?;
    let mut unreported = 0_u64;
    let mut count = |(_, report): &(u64, Report)| {
        unreported = unreported.saturating_add(report.status.unreported_kills);
    };
    let printed = if options.last {
        write(history.by_ref().last().into_iter(), options)?
    } else {
        write(history.by_ref().inspect(&mut count), options)?
    };
    if unreported > 0 {
        say(format_args!("{unreported} more OOM kills were not reported: all their frames were lost"));
    }
    for unclosed in history.cut_short(boot_id.as_deref().map(str::trim)) {
        say(cut_short(unclosed));
    }
    if printed == 0 && history.exit() == Exit::Success {
        say(format_args!("none of {} incidents matches", history.seen()));
    }
    Ok(history.exit())
}

/// Prints the incidents so far, and each further one when it is closed. Returns only if the output has no reader, or a file fails.
fn follow(options: &List) -> Result<Exit> {
    let mut history = History::follow(&options.paths, options.when, &options.only)?;
    let rows = history.by_ref().map(|(number, report)| Row::of(number, &report));
    print(rows, options.format, true).map_err(PipelineError::Output)?;
    Ok(history.exit())
}

/// Says that the recorder or the machine stopped suddenly. A panic stops all processors, so that an unclosed recording is its
/// only trace.
fn cut_short(unclosed: &Unclosed) -> String {
    let last = OffsetDateTime::from_unix_timestamp_nanos(unclosed.last_ns).ok();
    let last = last.and_then(|last| last.replace_nanosecond(0).ok()?.format(&Rfc3339).ok());
    let forecast = unclosed.forecast.as_deref().map(last_forecast);
    let panics = match unclosed.panic_on_oom {
        Some(1 | 2) => "; vm.panic_on_oom was set, so the kernel panics if the machine runs out of memory",
        _ => "",
    };
    format!(
        "{}: the recorder did not close this recording in an earlier boot: the kernel panicked, the machine was reset or lost power, \
         or the recorder was killed; the last frame is from {}{panics}{}",
        unclosed.path.display(),
        last.as_deref().unwrap_or("an unknown time"),
        forecast.unwrap_or_default()
    )
}

/// The last forecast in a recording: if the kernel panicked because the machine ran out of memory, this is what is known about it.
fn last_forecast(announcement: &Announcement) -> String {
    let time = announcement.time.as_deref().unwrap_or("an unknown time");
    format!("; the last forecast, at {time}: {}", terminal::what(announcement))
}

/// Prints the list, and returns the number of incidents.
fn write(reports: impl Iterator<Item = (u64, Report)>, options: &List) -> Result<u64> {
    if let Some(file) = &options.html {
        return Ok(html::overview(reports, file)?);
    }
    let rows = reports.map(|(number, report)| Row::of(number, &report));
    Ok(print(rows, options.format, false).map_err(PipelineError::Output)?)
}

/// Prints the rows, each at once if the next one may take long.
fn print(rows: impl Iterator<Item = Row>, format: TableFormat, at_once: bool) -> io::Result<u64> {
    let stdout = io::stdout();
    let colour = stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let columns =
        tcgetwinsize(&stdout).ok().map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0);
    let mut output = BufWriter::new(stdout);
    let mut printed = 0;
    match format {
        TableFormat::Text => {
            let mut list = terminal::List::new(output, colour, columns);
            rows.inspect(|_| printed += 1).try_for_each(|row| {
                list.row(&row)?;
                if at_once { list.flush() } else { Ok(()) }
            })?;
            list.flush()?;
        }
        TableFormat::Json => {
            rows.inspect(|_| printed += 1).try_for_each(|row| {
                json::line(&mut output, &row)?;
                if at_once { output.flush() } else { Ok(()) }
            })?;
            output.flush()?;
        }
    }
    Ok(printed)
}
