//! The content of the kernel's tracepoints.

use std::fs;

use anyhow::{Context, Result};

/// The format of `oom:mark_victim`.
const FORMAT: &str = "/sys/kernel/tracing/events/oom/mark_victim/format";

/// Whether `oom:mark_victim` contains the task's fields, and not only its pid. Upstream has them from 6.9 on, and some stable
/// series took the change over, so the version proves nothing.
pub(crate) fn mark_victim_tells_task() -> Result<bool> {
    let format = fs::read_to_string(FORMAT).with_context(|| format!("reading {FORMAT}"))?;
    Ok(format.contains(" oom_score_adj;"))
}
