//! What the kernel's tracepoints tell.

use std::fs;

use anyhow::{Context, Result};

/// The record of `oom:mark_victim`.
const FORMAT: &str = "/sys/kernel/tracing/events/oom/mark_victim/format";

/// Whether `oom:mark_victim` tells of the task, and not of its pid alone. Upstream does from 6.9 on, and
/// stable series that took it over do, so that the version says nothing.
pub(crate) fn mark_victim_tells_task() -> Result<bool> {
    let format = fs::read_to_string(FORMAT).with_context(|| format!("reading {FORMAT}"))?;
    Ok(format.contains(" oom_score_adj;"))
}
