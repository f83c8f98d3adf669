//! Writes one JSON object per line (`docs/json.md`).

use std::io::{self, Write};

use serde::Serialize;

use super::{Sink, write_whole};
use crate::{forecast::Announcement, report::Report};

/// Writes each incident once, when it is closed.
pub struct Json<W> {
    output: W,
    /// A buffer for the line, which is used again for each incident.
    whole: Vec<u8>,
}

impl<W: Write> Json<W> {
    /// Creates a sink for this output.
    pub const fn new(output: W) -> Self {
        Self { output, whole: Vec::new() }
    }
}

impl<W: Write> Sink for Json<W> {
    fn hears_decisions(&self) -> bool {
        false
    }

    fn decided(&mut self, _: &Report) -> io::Result<()> {
        Ok(())
    }

    fn closed(&mut self, report: &Report) -> io::Result<()> {
        self.whole.clear();
        line(&mut self.whole, report)?;
        write_whole(&mut self.output, &self.whole)
    }

    fn foreseen(&mut self, announcement: &Announcement) -> io::Result<()> {
        self.whole.clear();
        line(&mut self.whole, announcement)?;
        write_whole(&mut self.output, &self.whole)
    }
}

/// Writes one object and a line end.
///
/// # Errors
///
/// If the output cannot be written.
pub fn line(output: &mut impl Write, object: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *output, object)?;
    output.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::Json;
    use crate::{
        bytes::ByteString,
        sink::{Sink, terminal::example},
    };

    #[test]
    fn writes_an_incident_as_one_line_of_valid_json_with_exact_bytes() {
        let mut report = example::memcg_kill();
        report.victims[0].process.comm = Some(ByteString::from(b"a\n\xff\x1b".to_vec()));
        let mut output = Vec::new();
        let mut sink = Json::new(&mut output);
        sink.decided(&report).unwrap();
        sink.closed(&report).unwrap();
        assert_eq!(output.iter().filter(|byte| **byte == b'\n').count(), 1);
        let value: serde_json::Value = serde_json::from_slice(&output).unwrap();
        assert_eq!(value["victims"][0]["comm"]["bytes"], "YQr/Gw==");
        assert_eq!(value["victims"][0]["role"], "chosen");
        assert_eq!(value["domain"]["chain"][1]["max_bytes"], serde_json::Value::Null);
    }

    #[test]
    fn reports_a_failing_output() {
        assert!(Json::new(example::Broken).closed(&example::memcg_kill()).is_err());
    }
}
