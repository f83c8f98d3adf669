//! The command line with the settings of the file and the environment.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use clap::{ArgMatches, Command, CommandFactory as _, FromArgMatches as _};

use crate::cli::{
    Cli,
    settings::{Setting, SettingsError, apply, options, read, variable},
};

/// The file that is read if it exists and no other is named.
const USUAL_FILE: &str = "/etc/oomtrace.toml";

/// The variable that names another file.
const VARIABLE: &str = "OOMTRACE_CONFIG";

/// The maximum size of the file in bytes.
const LARGEST: u64 = 64 << 10;

/// The commands that have settings.
const COMMANDS: [&str; 2] = ["watch", "record"];

/// Parses the command line. Prints clap's own messages and exits, as clap does.
///
/// # Errors
///
/// If a setting is wrong, or the file cannot be read.
pub fn parse() -> Result<Cli, SettingsError> {
    let words: Vec<OsString> = env::args_os().collect();
    let command = prepare(&words)?;
    let matches = command.get_matches_from(words);
    Ok(Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()))
}

fn prepare(words: &[OsString]) -> Result<Command, SettingsError> {
    let mut command = Cli::command();
    let seen = Cli::command().ignore_errors(true).try_get_matches_from(words);
    let Some((name, file)) = seen.ok().as_ref().and_then(chosen) else { return Ok(command) };
    let known: Vec<String> = COMMANDS.iter().flat_map(|name| names(&command, name)).collect();
    let mut settings = from_file(file, name)?;
    settings.extend(from_environment(&names(&command, name)));
    let own = command.find_subcommand(name).cloned().unwrap_or_default();
    let own = apply(own, &settings, &known)?;
    command = command.mut_subcommand(name, |_| own);
    // `oomtrace` alone has the options of `watch`.
    if name == "watch" { apply(command, &settings, &known) } else { Ok(command) }
}

/// The command that runs, if it has settings, and the file that was named.
fn chosen(matches: &ArgMatches) -> Option<(&'static str, Option<PathBuf>)> {
    let (name, own) = matches.subcommand().unwrap_or(("watch", matches));
    let name = COMMANDS.into_iter().find(|known| *known == name)?;
    Some((name, own.try_get_one::<PathBuf>("config").ok().flatten().cloned()))
}

fn names(command: &Command, name: &str) -> Vec<String> {
    let own = command.find_subcommand(name).into_iter();
    own.flat_map(options).filter_map(|arg| arg.get_long()).map(str::to_owned).collect()
}

fn from_file(named: Option<PathBuf>, command: &str) -> Result<Vec<Setting>, SettingsError> {
    let named = named.or_else(|| filled(VARIABLE).map(PathBuf::from));
    let file = named.as_deref().unwrap_or(Path::new(USUAL_FILE));
    match content(file) {
        Ok(text) => read(&file.display().to_string(), &text, command),
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => {
            Err(SettingsError(vec![format!("cannot read the settings in {}: {error}", file.display())]))
        }
    }
}

fn content(file: &Path) -> io::Result<String> {
    if !fs::metadata(file)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut text = String::new();
    let read = File::open(file)?.take(LARGEST + 1).read_to_string(&mut text)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > LARGEST {
        return Err(io::Error::other(format!("it is larger than {LARGEST} bytes")));
    }
    Ok(text)
}

fn from_environment(names: &[String]) -> Vec<Setting> {
    let set = |name: &String| {
        let variable = variable(name);
        let value = filled(&variable)?.to_string_lossy().into_owned();
        Some(Setting { name: name.clone(), values: vec![value], place: variable })
    };
    names.iter().filter_map(set).collect()
}

/// The value of a variable that is set and not empty.
fn filled(variable: &str) -> Option<OsString> {
    env::var_os(variable).filter(|value| !value.is_empty())
}
