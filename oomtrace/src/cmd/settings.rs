//! The command line with the settings of the file and the environment.

use std::{
    env,
    ffi::OsString,
    fs::{File, Metadata},
    io::{self, Read as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use clap::{Command, CommandFactory as _, FromArgMatches as _};
use rustix::process::geteuid;

use crate::cli::{
    Cli,
    settings::{Setting, SettingsError, apply, options, read, variable},
};

/// The file that is read if it exists and no other is named.
const USUAL_FILE: &str = "/etc/oomtrace.toml";

/// The file that stands for no settings.
pub(super) const NO_FILE: &str = "/dev/null";

/// The variable that names another file.
const VARIABLE: &str = "OOMTRACE_CONFIG";

/// The maximum size of the file in bytes.
const LARGEST: u64 = 64 << 10;

/// The commands that have settings.
const COMMANDS: [&str; 2] = ["watch", "record"];

/// Parses the command line. Returns it with the settings of the file and the environment that it uses. Prints clap's own messages
/// and exits, as clap does.
///
/// # Errors
///
/// If a setting is wrong, or the file cannot be read.
pub fn parse() -> Result<(Cli, Vec<Setting>), SettingsError> {
    let words: Vec<OsString> = env::args_os().collect();
    let settings = find(&words)?;
    let matches = with(&words, &settings)?.get_matches_from(words);
    Ok((Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()), settings))
}

/// Reads the settings of the command that runs, from the file and the environment. Later ones replace earlier ones.
///
/// # Errors
///
/// If the file cannot be read, or a value is of no use to any option.
pub(super) fn find(words: &[OsString]) -> Result<Vec<Setting>, SettingsError> {
    let Some((name, file)) = chosen(words) else { return Ok(Vec::new()) };
    let mut settings = from_file(file, name)?;
    settings.extend(from_environment(&names(&Cli::command(), name))?);
    Ok(settings)
}

/// Returns the command line's definition with these settings as the defaults of the command that runs.
///
/// # Errors
///
/// If there is no such option, or it does not accept the value.
pub(super) fn with(words: &[OsString], settings: &[Setting]) -> Result<Command, SettingsError> {
    let mut command = Cli::command();
    let Some((name, _)) = chosen(words) else { return Ok(command) };
    let known: Vec<String> = COMMANDS.iter().flat_map(|name| names(&command, name)).collect();
    let own = command.find_subcommand(name).cloned().unwrap_or_default();
    let own = apply(own, settings, &known)?;
    command = command.mut_subcommand(name, |_| own);
    // `oomtrace` alone has the options of `watch`.
    if name == "watch" { apply(command, settings, &known) } else { Ok(command) }
}

/// The command that runs, if it has settings, and the file that was named.
fn chosen(words: &[OsString]) -> Option<(&'static str, Option<PathBuf>)> {
    let matches = Cli::command().ignore_errors(true).try_get_matches_from(words).ok()?;
    let (name, own) = matches.subcommand().unwrap_or(("watch", &matches));
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
    if file == Path::new(NO_FILE) {
        return Ok(Vec::new());
    }
    match content(file, geteuid().is_root()) {
        Ok(text) => read(&file.display().to_string(), &text, command),
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => {
            Err(SettingsError(vec![format!("cannot read the settings in {}: {error}", file.display())]))
        }
    }
}

/// The text of the file. Root accepts it only from root, because a setting can name a program to run (`exec`).
fn content(file: &Path, is_root: bool) -> io::Result<String> {
    // Opening a pipe does not wait for its other end.
    let opened = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(file)?;
    let metadata = opened.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if is_root && !is_roots(&metadata) {
        let file = file.display();
        return Err(io::Error::other(format!(
            "another user than root can change it, and a setting can name a program that root runs; `chown root {file}` and `chmod go-w {file}`, or use another file"
        )));
    }
    let mut text = String::new();
    let read = opened.take(LARGEST + 1).read_to_string(&mut text)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > LARGEST {
        return Err(io::Error::other(format!("it is larger than {LARGEST} bytes")));
    }
    Ok(text)
}

/// Whether only root can change the file.
fn is_roots(metadata: &Metadata) -> bool {
    metadata.uid() == 0 && metadata.mode() & 0o022 == 0
}

fn from_environment(names: &[String]) -> Result<Vec<Setting>, SettingsError> {
    let (mut settings, mut wrong) = (Vec::new(), Vec::new());
    for name in names {
        let place = variable(name);
        match filled(&place).map(OsString::into_string) {
            None => {}
            Some(Ok(value)) => {
                settings.push(Setting { name: name.clone(), values: vec![value], place, is_shared: false });
            }
            Some(Err(_)) => {
                wrong.push(format!("{place}: the value is not UTF-8; use --{name} on the command line"));
            }
        }
    }
    if wrong.is_empty() { Ok(settings) } else { Err(SettingsError(wrong)) }
}

/// The value of a variable that is set and not empty.
fn filled(variable: &str) -> Option<OsString> {
    env::var_os(variable).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::PermissionsExt as _,
        path::PathBuf,
    };

    use super::{NO_FILE, content, from_file};

    #[test]
    fn root_refuses_a_file_that_others_can_change() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("oomtrace.toml");
        fs::write(&file, "journal = true").unwrap();
        for mode in [0o664, 0o646] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            let refused = content(&file, true).unwrap_err().to_string();
            assert!(refused.contains(&format!("`chmod go-w {}`", file.display())), "{refused}");
            assert_eq!(content(&file, false).unwrap(), "journal = true");
        }
        // A user cannot give the file to root.
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(content(&file, true).is_ok(), rustix::process::geteuid().is_root());
        assert!(content(directory.path(), false).is_err());
    }

    #[test]
    fn no_file_has_no_settings() {
        assert!(from_file(Some(PathBuf::from(NO_FILE)), "watch").unwrap().is_empty());
    }
}
