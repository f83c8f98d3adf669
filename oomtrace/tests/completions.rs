//! The completions in `contrib/completions` and the manual pages in `contrib/man` match the command line.
#![cfg(test)]

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};
use oomtrace::cli::Cli;

/// The environment variable that makes the tests write the files.
const WRITE: &str = "OOMTRACE_WRITE_COMPLETIONS";

#[test]
fn completions_contain_every_command_and_option() {
    for (shell, file) in
        [(Shell::Bash, "oomtrace.bash"), (Shell::Zsh, "_oomtrace"), (Shell::Fish, "oomtrace.fish")]
    {
        let mut current = Vec::new();
        generate(shell, &mut Cli::command(), "oomtrace", &mut current);
        assert_current(&contrib("completions").join(file), &current);
    }
}

#[test]
fn each_command_has_a_manual_page() {
    let pages = manual_pages();
    assert!(pages.contains_key("oomtrace.1") && pages.contains_key("oomtrace-record.1"));
    assert!(!pages.contains_key("oomtrace-demo-victim.1"), "hidden commands have no page");
    for (name, page) in &pages {
        assert_current(&contrib("man").join(name), page);
    }
    for entry in fs::read_dir(contrib("man")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(pages.contains_key(&name), "contrib/man/{name} belongs to no command: remove it");
    }
}

/// The manual pages by file name: one for the program, and one for each command that `--help` shows.
fn manual_pages() -> BTreeMap<String, Vec<u8>> {
    let directory = tempfile::tempdir().unwrap();
    // A page for `help` would only repeat the others.
    let command = Cli::command().disable_help_subcommand(true);
    clap_mangen::generate_to(command, directory.path()).unwrap();
    let entries = fs::read_dir(directory.path()).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

fn contrib(directory: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../contrib").join(directory)
}

fn assert_current(path: &Path, current: &[u8]) {
    if env::var_os(WRITE).is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, current).unwrap();
    }
    let kept = fs::read(path).unwrap_or_default();
    assert!(
        kept == current,
        "{} is out of date: {WRITE}=1 cargo test -p oomtrace --test completions",
        path.display()
    );
}
