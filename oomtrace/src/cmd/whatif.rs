//! `oomtrace whatif`: repeats a decision of a recording with changes.

use std::io::{IsTerminal, Write};

use anyhow::{Context as _, Result};

use super::{replay::open, shared::confine};
use crate::{
    cli::{Changes, TableFormat, Whatif},
    exit::Exit,
    incident::Incident,
    pipeline::{self, PipelineError},
    report::report,
    sink::terminal::{sanitize::sentence, whatif as text},
    source::replay::Replay,
    whatif::{Answer, Change, decide_again},
};

/// The incident is not clear.
#[derive(Debug, thiserror::Error)]
pub(super) enum WhichError {
    /// There is no incident.
    #[error("the recording contains no incident")]
    None,
    /// There is no incident with this number.
    #[error("no incident {number}: the recording contains {count}")]
    Number {
        /// The requested number.
        number: i64,
        /// The number of incidents.
        count: usize,
    },
    /// There are several incidents, and none was chosen.
    #[error("the recording contains {count} incidents; choose one with --incident:\n{list}")]
    Several {
        /// The number of incidents.
        count: usize,
        /// One line per incident.
        list: String,
    },
}

pub(super) fn run(options: &Whatif) -> Result<Exit> {
    confine::to_reading([&options.file], None);
    let reading = || format!("reading {}", options.file.display());
    let source = Replay::new(open(&options.file)?);
    let incidents = pipeline::incidents(source).with_context(reading)?;
    let incident = pick(&incidents, options.incident)?;
    let answer = decide_again(incident, &changes(&options.changes))
        .context("this recording does not contain the answer")?;
    print(&answer, options.format, &mut std::io::stdout()).map_err(PipelineError::Output)?;
    Ok(Exit::Success)
}

fn changes(typed: &Changes) -> Vec<Change> {
    let Changes { adj, allocating_task, limit, oom_group, tmpfs, part } = typed;
    let settings = adj.iter().chain(allocating_task).chain(limit).chain(oom_group);
    settings.chain(tmpfs).chain(part).cloned().collect()
}

/// The incident with this number, counted from 1, or from the end if it is negative.
fn pick(incidents: &[Incident], number: Option<i64>) -> Result<&Incident, WhichError> {
    let count = incidents.len();
    let Some(number) = number else {
        return match incidents {
            [] => Err(WhichError::None),
            [only] => Ok(only),
            several => Err(WhichError::Several { count, list: list(several) }),
        };
    };
    let from_start = usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX);
    let index = if number < 0 { count.checked_sub(from_start) } else { from_start.checked_sub(1) };
    index.and_then(|index| incidents.get(index)).ok_or(WhichError::Number { number, count })
}

fn list(incidents: &[Incident]) -> String {
    let line = |(number, incident): (usize, &Incident)| {
        let report = report(incident);
        let time = report.time.unwrap_or_else(|| format!("boot {} ns", report.boot_ns));
        format!("{number:>4}  {time}  {}", sentence(&report.cause.summary))
    };
    (1..).zip(incidents).map(line).collect::<Vec<_>>().join("\n")
}

fn print(
    answer: &Answer,
    format: TableFormat,
    output: &mut (impl Write + IsTerminal),
) -> std::io::Result<()> {
    match format {
        TableFormat::Json => {
            serde_json::to_writer(&mut *output, answer)?;
            writeln!(output)
        }
        TableFormat::Text => {
            let colour = output.is_terminal() && std::env::var_os("NO_COLOR").is_none();
            output.write_all(text::text(answer, colour).as_bytes())
        }
    }?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::{WhichError, pick};
    use crate::incident::Incident;

    #[test]
    fn counts_incidents_from_either_end() {
        let incidents: Vec<Incident> =
            (10..13).map(|boot_ns| Incident { boot_ns, ..Incident::default() }).collect();
        let at = |number| pick(&incidents, Some(number)).map(|incident| incident.boot_ns);
        assert_eq!([at(1).unwrap(), at(3).unwrap(), at(-1).unwrap(), at(-3).unwrap()], [10, 12, 12, 10]);
        for number in [0, 4, -4, i64::MIN, i64::MAX] {
            assert!(matches!(at(number), Err(WhichError::Number { count: 3, .. })), "{number}");
        }
        assert!(matches!(pick(&[], None), Err(WhichError::None)));
        assert_eq!(pick(&incidents[..1], None).unwrap().boot_ns, 10);
        let several = pick(&incidents, None).unwrap_err().to_string();
        assert_eq!(several.lines().count(), 4, "{several}");
    }
}
