//! Programs from crates.io that the tasks run, each with a fixed version, in the project's tools directory.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;
use oomtrace_object::TOOLS_DIRECTORY;

use crate::host::{
    run::{run, say},
    workspace,
};

/// A program of crates.io.
pub(crate) struct CargoTool {
    /// The name of the crate and of the program.
    pub(crate) name: &'static str,
    /// The only accepted version: another one may write other bytes.
    pub(crate) version: &'static str,
    /// Options for `cargo install`.
    pub(crate) options: &'static [&'static str],
}

impl CargoTool {
    /// Installs the program if that version is missing, and returns its path.
    pub(crate) fn ensure(&self) -> Result<PathBuf> {
        let tools = workspace::root().join(TOOLS_DIRECTORY);
        let program = tools.join("bin").join(self.name);
        if !program.is_file() || !self.is_listed(&tools) {
            say(&format!("compiling {} {} into {TOOLS_DIRECTORY}/ (once)", self.name, self.version));
            fs::create_dir_all(&tools)?;
            fs::write(tools.join(".gitignore"), "*\n")?;
            let build = tools.join("build");
            run(&mut self.cargo_install(&tools, &build))?;
            fs::remove_dir_all(build)?;
        }
        Ok(program)
    }

    /// Whether cargo's list of installed programs has that version.
    fn is_listed(&self, tools: &Path) -> bool {
        let list = fs::read_to_string(tools.join(".crates.toml")).unwrap_or_default();
        list.contains(&format!("\"{} {} (", self.name, self.version))
    }

    fn cargo_install(&self, tools: &Path, build: &Path) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(["install", "--quiet", "--locked", "--force", self.name]).args(self.options);
        command.arg("--version").arg(format!("={}", self.version));
        command.arg("--root").arg(tools).arg("--target-dir").arg(build);
        command
    }
}
