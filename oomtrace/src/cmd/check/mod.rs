//! `oomtrace check`: shows what this kernel and these privileges allow. It runs the same code as the start of `watch`.

mod findings;
mod text;

use anyhow::Result;

use self::findings::Findings;
use crate::{
    cli::{Check, TableFormat},
    exit::Exit,
    pipeline::PipelineError,
};

pub(super) fn run(options: &Check) -> Result<Exit> {
    let mut stdout = std::io::stdout();
    let (findings, exit) = findings::gather(options.tier.into(), options.layout);
    print(&findings, options.format, &mut stdout).map_err(PipelineError::Output)?;
    Ok(exit)
}

fn print(findings: &Findings, format: TableFormat, output: &mut impl std::io::Write) -> std::io::Result<()> {
    match format {
        TableFormat::Json => {
            serde_json::to_writer(&mut *output, findings)?;
            writeln!(output)
        }
        TableFormat::Text => output.write_all(text::table(findings).as_bytes()),
    }?;
    output.flush()
}
