//! Names that other users choose.

use anyhow::{Context as _, Result, ensure};

use super::Local;
use super::kills::kill_one;
use super::tracer::{Tracer, at};
use crate::host::scratch::Scratch;

/// A cgroup name that clears the screen, sets the title, reverses the text, and is not UTF-8.
const CGROUP: &[u8] = b"oomtrace-test-\x1b[2J\x1b]0;title\x07\xe2\x80\xae\xff";

/// Checks that neither a terminal nor the JSON is disturbed.
pub(super) fn odd(local: &Local) -> Result<()> {
    let comm = ["--comm", r#"\x1b[31m"\xff\x5c\x0an"#];
    for format in ["line", "full"] {
        let scratch = Scratch::new(&local.hierarchy, CGROUP, 4 << 20)?;
        let tracer = Tracer::start(local, &["watch", "--format", format])?;
        kill_one(local, &scratch, &comm)?;
        let said = tracer.end("-INT")?;
        let text =
            String::from_utf8(said.stdout).with_context(|| format!("--format {format} is not UTF-8"))?;
        ensure!(!text.is_empty(), "--format {format} printed nothing");
        let control = text.chars().find(|character| character.is_control() && *character != '\n');
        ensure!(
            control.is_none() && !text.contains('\u{202e}'),
            "--format {format} lets {control:?} through: {text:?}"
        );
    }
    let scratch = Scratch::new(&local.hierarchy, CGROUP, 4 << 20)?;
    let tracer = Tracer::start(local, &["watch", "--format", "json"])?;
    let pid = kill_one(local, &scratch, &comm)?;
    let reports = tracer.end("-INT")?.reports()?;
    let own = reports.iter().find(|report| at(report, "/victims/0/pid") == pid).context("no report")?;
    // Base64 of the bytes above, computed with coreutils.
    ensure!(at(own, "/victims/0/comm/bytes") == "G1szMW0i/1wKbg==", "comm: {}", at(own, "/victims/0/comm"));
    let path = "L29vbXRyYWNlLXRlc3QtG1syShtdMDt0aXRsZQfigK7/";
    ensure!(at(own, "/domain/cgroup/bytes") == path, "cgroup: {}", at(own, "/domain/cgroup"));
    Ok(())
}
