//! Validates the Kubernetes manifest against the schemas of Kubernetes, with `kubernetes-validate` (PyPI).

use std::process::Command;

use anyhow::{Context as _, Result};

use super::Built;
use crate::host::run::output;

const VALIDATOR: &str = "kubernetes-validate==1.37.0";

pub(super) fn check(built: &Built<'_>) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let program = |name: &str| scratch.path().join("bin").join(name);
    output(Command::new("python3").args(["-m", "venv"]).arg(scratch.path()))?;
    output(Command::new(program("pip")).args(["install", "--quiet", VALIDATOR]))?;
    let manifest = built.release.root.join("contrib/kubernetes/daemonset.yaml");
    let mut validate = Command::new(program("kubernetes-validate"));
    output(validate.arg("--strict").arg(&manifest)).context("the manifest is not valid")?;
    Ok(())
}
