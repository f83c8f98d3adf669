//! Settings of `watch` and `record` from a file or from the environment (`docs/config.md`). They become the defaults of the options
//! with the same names, so that the command line comes first.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, Command, Id, builder::Resettable};
use toml::de::{DeInteger, DeTable, DeValue};

/// Options that only make sense on the command line.
const NOT_SETTINGS: [&str; 6] = ["config", "help", "version", "output", "record", "verdict"];

/// Removes a rule about other options.
const NO_ONE: Resettable<Id> = Resettable::Reset;

/// Tables of the file, each for one command.
const TABLES: [&str; 2] = ["watch", "record"];

/// The value of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The option without its dashes.
    pub name: String,
    /// One value, or several if the option is repeatable.
    pub values: Vec<String>,
    /// Where it was set: a file and a line, or a variable.
    pub place: String,
    /// Whether it is at the top of the file, which is for all commands. Otherwise the command must have such an option.
    pub is_shared: bool,
}

/// The settings cannot be used. Each line says where and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct SettingsError(pub Vec<String>);

/// Reads the settings of one command from the text of a file. A table of the command comes before the top of the file.
///
/// # Errors
///
/// If it is not TOML, or a value has the wrong type. Names are checked by [`apply`].
pub fn read(file: &str, text: &str, command: &str) -> Result<Vec<Setting>, SettingsError> {
    let line = |offset: usize| {
        let before = text.as_bytes().get(..offset).unwrap_or_default();
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    };
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(1, |span| line(span.start));
        SettingsError(vec![format!("{file}:{at}: {}", error.message())])
    })?;
    let mut found = Found { file, line: &line, settings: BTreeMap::new(), wrong: Vec::new() };
    found.table(table.get_ref(), &TABLES);
    if let Some((_, own)) = table.get_ref().iter().find(|(name, _)| name.get_ref() == command)
        && let DeValue::Table(own) = own.get_ref()
    {
        found.table(own, &[]);
    }
    if found.wrong.is_empty() {
        Ok(found.settings.into_values().collect())
    } else {
        Err(SettingsError(found.wrong))
    }
}

/// What was read so far.
struct Found<'a> {
    file: &'a str,
    line: &'a dyn Fn(usize) -> usize,
    settings: BTreeMap<String, Setting>,
    wrong: Vec<String>,
}

impl Found<'_> {
    /// Adds the settings of a table: the top of the file, which has tables, or one of these.
    fn table(&mut self, table: &DeTable<'_>, tables: &[&str]) {
        for (key, value) in table {
            let (name, value) = (key.get_ref().to_string(), value.get_ref());
            let place = format!("{}:{}", self.file, (self.line)(key.span().start));
            if tables.contains(&name.as_str()) {
                if !matches!(value, DeValue::Table(_)) {
                    self.wrong.push(format!("{place}: `{name}` is a table: [{name}]"));
                }
                continue;
            }
            match values(value) {
                Some(values) => {
                    let is_shared = !tables.is_empty();
                    self.settings.insert(name.clone(), Setting { name, values, place, is_shared });
                }
                None => self.wrong.push(format!(
                    "{place}: `{name}` must be a text in quotes, a whole number, true or false, or a list of texts"
                )),
            }
        }
    }
}

fn values(value: &DeValue<'_>) -> Option<Vec<String>> {
    match value.as_array() {
        Some(values) => values.iter().map(|value| text(value.get_ref())).collect(),
        None => text(value).map(|text| vec![text]),
    }
}

fn text(value: &DeValue<'_>) -> Option<String> {
    let number = value.as_integer().filter(|number| number.radix() == 10);
    let text = value.as_str().or_else(|| number.map(DeInteger::as_str));
    text.map(str::to_owned).or_else(|| value.as_bool().map(|is| is.to_string()))
}

/// The variable of an option: `OOMTRACE_MAX_SIZE` for `--max-size`.
#[must_use]
pub fn variable(option: &str) -> String {
    format!("OOMTRACE_{}", option.to_uppercase().replace('-', "_"))
}

/// The options of a command that can be settings.
pub fn options(command: &Command) -> impl Iterator<Item = &Arg> {
    let is_setting = |name: &str| !NOT_SETTINGS.contains(&name);
    command.get_arguments().filter(move |arg| arg.get_long().is_some_and(is_setting))
}

/// Returns the command with these settings as its defaults. Later settings replace earlier ones. `known` are the names that another
/// command has: a setting at the top of a file may belong to either.
///
/// # Errors
///
/// If there is no such option, or it does not accept the value.
pub fn apply(mut command: Command, settings: &[Setting], known: &[String]) -> Result<Command, SettingsError> {
    let mut wrong = Vec::new();
    for Setting { name, values, place, is_shared } in settings {
        let Some(arg) = options(&command).find(|arg| arg.get_long() == Some(name)).cloned() else {
            let is_known = known.contains(name);
            if is_known && !is_shared {
                wrong.push(format!("{place}: this command has no setting `{name}`, another one has"));
            } else if !is_known {
                wrong.push(format!("{place}: there is no setting `{name}`; settings are the long options of `watch` and `record`, such as `metrics` (docs/config.md)"));
            }
            continue;
        };
        match refused(&arg, values) {
            Some(why) => wrong.push(format!("{place}: `{name}`: {why}")),
            None => command = with_default(command, &arg, values),
        }
    }
    if wrong.is_empty() { Ok(command) } else { Err(SettingsError(wrong)) }
}

/// Why the option does not accept these values, in clap's words.
fn refused(arg: &Arg, values: &[String]) -> Option<String> {
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        let is_one = matches!(values, [value] if matches!(value.as_str(), "true" | "false"));
        return (!is_one).then(|| "must be true or false".to_owned());
    }
    if !matches!(arg.get_action(), ArgAction::Append) && values.len() != 1 {
        return Some("takes one value".to_owned());
    }
    let name = arg.get_long().unwrap_or_default();
    // The option alone: whether others are present does not matter here.
    let alone = arg.clone().requires(NO_ONE).conflicts_with(NO_ONE).overrides_with(NO_ONE);
    let command = Command::new("settings").no_binary_name(true).disable_help_flag(true).arg(alone);
    let typed = values.iter().map(|value| format!("--{name}={value}"));
    let error = command.try_get_matches_from(typed).err()?;
    let said = error.to_string();
    let first = said.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let possible = said.lines().map(str::trim).find(|line| line.starts_with("[possible values"));
    Some(possible.map_or_else(|| first.to_owned(), |possible| format!("{first} {possible}")))
}

fn with_default(command: Command, arg: &Arg, values: &[String]) -> Command {
    let id = arg.get_id().clone();
    let command = command.mut_arg(&id, |arg| arg.default_values(values.to_vec()));
    match id.as_str() {
        // A default does not count as given, so these rules would ask for it on the command line.
        "dir" => command.mut_group("RecordPlace", |group| group.required(false)),
        "exec" => command.mut_arg("exec_timeout", |arg| arg.requires(NO_ONE)),
        _ => command,
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, FromArgMatches as _};

    use super::{Setting, apply, options, read, variable};
    use crate::cli::{Cli, Record, Watch};

    fn names() -> Vec<String> {
        let both = ["watch", "record"].map(|name| Cli::command().find_subcommand(name).unwrap().clone());
        both.iter()
            .flat_map(|command| options(command).map(|arg| arg.get_long().unwrap().to_owned()))
            .collect()
    }

    fn record(text: &str, typed: &[&str]) -> Result<Record, String> {
        let settings = read("f", text, "record").map_err(|error| error.to_string())?;
        let command = Cli::command().find_subcommand("record").unwrap().clone();
        let command = apply(command, &settings, &names()).map_err(|error| error.to_string())?;
        let matches = command
            .try_get_matches_from(["record"].iter().chain(typed))
            .map_err(|error| error.to_string())?;
        Ok(Record::from_arg_matches(&matches).unwrap())
    }

    #[test]
    fn command_line_comes_before_the_file() {
        let text = "dir = \"/a\"\nmax-size = \"1M\"\njournal = true\nkiller = [\"x\", \"y\"]\n[record]\nmax-total = \"2G\"\nmetrics = 9402\n[watch]\nmetrics = 1\n";
        let read = record(text, &["--max-size", "2M"]).unwrap();
        assert_eq!(read.place.dir.as_deref(), Some(std::path::Path::new("/a")));
        assert_eq!((read.max_size, read.max_total), (2 << 20, 2 << 30));
        assert_eq!(read.consumers.metrics.unwrap().port(), 9402);
        assert!(read.consumers.journal);
        assert_eq!(read.look.killer, ["x", "y"]);
        assert_eq!(record(text, &["--killer", "z", "-o", "f"]).unwrap().look.killer, ["z"]);
    }

    #[test]
    fn a_required_option_and_a_companion_may_be_settings() {
        assert!(record("", &[]).is_err());
        assert!(record("dir = '/a'", &[]).is_ok());
        assert!(record("dir = '/a'\nexec = 'true'", &["--exec-timeout", "1s"]).is_ok());
    }

    #[test]
    fn an_error_has_its_place_and_all_are_reported() {
        let said = record("dir = '/a'\nmetrcs = 1\nmax-size = 'big'\n\njournal = 1\n", &[]).unwrap_err();
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), 3, "{said}");
        assert!(lines.iter().any(|line| line.starts_with("f:2: there is no setting `metrcs`")), "{said}");
        assert!(lines.iter().any(|line| line.starts_with("f:3: `max-size`: invalid value 'big'")), "{said}");
        assert!(lines.iter().any(|line| line.starts_with("f:5: `journal`: must be true or false")), "{said}");
        let said = record("dir = '/a'\ntier = 'x'", &[]).unwrap_err();
        assert!(said.contains("[possible values: auto, fentry"), "{said}");
        for (text, place) in [
            ("a = \n", "f:1:"),
            ("\nmax-size = 1.5", "f:2:"),
            ("record = 1", "f:1:"),
            ("output = 'x'", "f:1:"),
        ] {
            assert!(record(text, &[]).unwrap_err().starts_with(place), "{text}");
        }
    }

    #[test]
    fn a_setting_of_the_other_command_is_ignored() {
        // `watch` has no --max-size, `record` no --format.
        let settings = read("f", "format = 'json'\ndir = '/a'", "watch").unwrap();
        let command = Cli::command().find_subcommand("watch").unwrap().clone();
        let matches = apply(command, &settings, &names()).unwrap().try_get_matches_from(["watch"]).unwrap();
        assert_eq!(Watch::from_arg_matches(&matches).unwrap().format, crate::cli::Format::Json);
    }

    #[test]
    fn a_setting_in_the_table_of_the_wrong_command_is_an_error() {
        let command = Cli::command().find_subcommand("watch").unwrap().clone();
        let settings = read("f", "journal = true\n[watch]\nmax-total = '4G'", "watch").unwrap();
        let said = apply(command, &settings, &names()).unwrap_err().to_string();
        assert_eq!(said, "f:3: this command has no setting `max-total`, another one has");
    }

    #[test]
    fn each_option_accepts_its_own_default() {
        for command in ["watch", "record"].map(|name| Cli::command().find_subcommand(name).unwrap().clone()) {
            for arg in options(&command) {
                let values: Vec<String> =
                    arg.get_default_values().iter().map(|value| value.to_str().unwrap().to_owned()).collect();
                if values.is_empty() {
                    continue;
                }
                let (name, place) = (arg.get_long().unwrap().to_owned(), "x".to_owned());
                let setting = Setting { name, values, place, is_shared: false };
                apply(command.clone(), &[setting], &[]).unwrap();
            }
        }
        assert_eq!(variable("max-size"), "OOMTRACE_MAX_SIZE");
    }
}
