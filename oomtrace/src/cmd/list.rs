//! `oomtrace list`: the incidents of recordings, a line each.

use std::io::{self, BufWriter, IsTerminal as _, Write as _};

use anyhow::Result;

use super::history::History;
use crate::{
    cli::{List, TableFormat},
    exit::Exit,
    pipeline::PipelineError,
    report::Row,
    sink::{json, terminal},
};

pub(super) fn run(options: &List) -> Result<Exit> {
    let mut history = History::open(&options.paths, None, options.when, &options.only)?;
    let mut rows = history.by_ref().map(|(number, report)| Row::of(number, &report));
    let mut last = None;
    if options.last {
        last = rows.by_ref().last();
    }
    let told = print(rows.chain(last), options.format).map_err(PipelineError::Output)?;
    if told == 0 && history.exit() == Exit::Success {
        eprintln!("oomtrace: none of {} incidents fits", history.seen());
    }
    Ok(history.exit())
}

fn print(rows: impl Iterator<Item = Row>, format: TableFormat) -> io::Result<u64> {
    let stdout = io::stdout();
    let colour = stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut output = BufWriter::new(stdout);
    let mut told = 0;
    match format {
        TableFormat::Text => {
            let mut list = terminal::List::new(output, colour);
            rows.inspect(|_| told += 1).try_for_each(|row| list.row(&row))?;
            list.flush()?;
        }
        TableFormat::Json => {
            rows.inspect(|_| told += 1).try_for_each(|row| json::line(&mut output, &row))?;
            output.flush()?;
        }
    }
    Ok(told)
}
