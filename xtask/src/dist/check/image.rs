//! Checks the image, run by podman with the privileges of the manifest: the report of a kill in another container names it.

mod engine;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

pub(super) use self::engine::Engine;
use super::Built;

pub(super) fn check(built: &Built<'_>) -> Result<()> {
    let engine = Engine::new(built)?;
    let report = engine.report(&engine.manifest())?.context("the tracer is not armed")?;
    let container = report.pointer("/victims/0/container").context("the report has no container")?;
    let name = container.get("name").and_then(Value::as_str);
    ensure!(name == Some(engine::VICTIM), "the container is named {container}");
    println!("{}", report.pointer("/cause/summary").and_then(Value::as_str).unwrap_or_default());
    Ok(())
}
