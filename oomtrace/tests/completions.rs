//! The completions in `contrib/completions` are those of the command line as it is.
#![cfg(test)]

use std::{env, fs, path::Path};

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};
use oomtrace::cli::Cli;

/// Where it is set, the files are written anew.
const WRITE: &str = "OOMTRACE_WRITE_COMPLETIONS";

#[test]
fn completions_know_every_command_and_option() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contrib/completions");
    for (shell, file) in
        [(Shell::Bash, "oomtrace.bash"), (Shell::Zsh, "_oomtrace"), (Shell::Fish, "oomtrace.fish")]
    {
        let mut current = Vec::new();
        generate(shell, &mut Cli::command(), "oomtrace", &mut current);
        let path = folder.join(file);
        if env::var_os(WRITE).is_some() {
            fs::write(&path, &current).unwrap();
        }
        let kept = fs::read(&path).unwrap_or_default();
        assert!(
            kept == current,
            "{} is out of date: {WRITE}=1 cargo test -p oomtrace --test completions",
            path.display()
        );
    }
}
