//! Which settings differ from the running ones. Pure.

use std::ffi::{OsStr, OsString};

use clap::{ArgMatches, FromArgMatches as _};

use crate::{
    cli::{
        Cli,
        settings::{Setting, SettingsError, options},
    },
    cmd::settings::with,
};

/// A setting with another value than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// The option without its dashes.
    name: String,
    /// Where the new value is set; absent if it is set nowhere any more.
    place: Option<String>,
}

/// The result of a comparison.
#[derive(Debug)]
pub(super) struct Changes {
    /// The command line with the new settings.
    pub(super) cli: Cli,
    /// Settings that change now.
    pub(super) now: Vec<Change>,
    /// Settings that change at the next start.
    pub(super) later: Vec<Change>,
    /// The settings that are in effect afterwards.
    pub(super) running: Vec<Setting>,
}

/// Compares new settings with the running ones. Only the settings in `applying` can change while oomtrace runs.
///
/// # Errors
///
/// If the next start would reject the settings.
pub(super) fn compare(
    words: &[OsString],
    running: &[Setting],
    new: &[Setting],
    applying: &[&str],
) -> Result<Changes, SettingsError> {
    let (before, after) = (parse(words, running)?, parse(words, new)?);
    let cli = Cli::from_arg_matches(&after).map_err(|error| refused(&error))?;
    check(&cli)?;
    let command = with(words, new)?;
    let own = after.subcommand_name().and_then(|name| command.find_subcommand(name)).unwrap_or(&command);
    let is_applying = |name: &str| applying.contains(&name);
    let changed = options(own).filter(|option| {
        let id = option.get_id().as_str();
        values(&before, id) != values(&after, id)
    });
    let mut names: Vec<&str> = changed.filter_map(|option| option.get_long()).collect();
    // clap moves an option that gets a default behind the others.
    names.sort_unstable();
    let (now, later) =
        names.into_iter().map(|name| change(name, new)).partition(|change| is_applying(&change.name));
    let kept = running.iter().filter(|setting| !is_applying(&setting.name));
    let taken = new.iter().filter(|setting| is_applying(&setting.name));
    Ok(Changes { cli, now, later, running: kept.chain(taken).cloned().collect() })
}

fn parse(words: &[OsString], settings: &[Setting]) -> Result<ArgMatches, SettingsError> {
    with(words, settings)?.try_get_matches_from(words).map_err(|error| refused(&error))
}

/// The values of an option of the command that runs, as they were written.
fn values<'a>(matches: &'a ArgMatches, id: &str) -> Vec<&'a OsStr> {
    let own = matches.subcommand().map_or(matches, |(_, own)| own);
    own.try_get_raw(id).ok().flatten().into_iter().flatten().collect()
}

fn change(name: &str, new: &[Setting]) -> Change {
    let place = new.iter().rev().find(|setting| setting.name == name).map(|setting| setting.place.clone());
    Change { name: name.to_owned(), place }
}

/// Refuses combinations of options that the command refuses at its start.
fn check(cli: &Cli) -> Result<(), SettingsError> {
    let look = cli.record().map(|options| &options.look).or(cli.watch().map(|options| &options.look));
    look.map_or(Ok(()), |look| look.check().map_err(|error| SettingsError(vec![error.to_string()])))
}

/// The first paragraph of clap's message, which names the option.
fn refused(error: &clap::Error) -> SettingsError {
    let said = error.to_string();
    let words = said.lines().take_while(|line| !line.is_empty()).flat_map(str::split_whitespace);
    let words: Vec<&str> = words.collect();
    SettingsError(vec![words.join(" ").trim_start_matches("error: ").to_owned()])
}

impl Changes {
    /// The sentences for the user: one about all settings that change now, and one about each of the others.
    pub(super) fn sentences(&self) -> Vec<String> {
        let now: Vec<String> = self.now.iter().map(Change::described).collect();
        let first = match (now.is_empty(), self.later.is_empty()) {
            (true, true) => "settings reloaded, none of them changed".to_owned(),
            (true, false) => "settings reloaded, none of those that apply at once changed".to_owned(),
            (false, _) => format!("settings reloaded, changed: {}", now.join(", ")),
        };
        [first].into_iter().chain(self.later.iter().map(Change::at_next_start)).collect()
    }
}

impl Change {
    fn described(&self) -> String {
        match &self.place {
            Some(place) => format!("`{}` ({place})", self.name),
            None => format!("`{}` (not set any more)", self.name),
        }
    }

    fn at_next_start(&self) -> String {
        match &self.place {
            Some(place) => format!("`{}` in {place} takes effect at the next start", self.name),
            None => format!("`{}` is not set any more, which takes effect at the next start", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::{Changes, compare};
    use crate::cli::settings::{Setting, SettingsError, read};

    const APPLYING: [&str; 2] = ["cgroup", "comm"];

    fn settings(text: &str, command: &str) -> Vec<Setting> {
        read("f", text, command).unwrap()
    }

    fn compared(words: &[&str], before: &str, after: &str) -> Result<Changes, SettingsError> {
        let words: Vec<OsString> = ["oomtrace"].iter().chain(words).map(OsString::from).collect();
        let command = if words.iter().any(|word| word == "record") { "record" } else { "watch" };
        let applying = if command == "watch" { &APPLYING[..] } else { &["max-total"] };
        compare(&words, &settings(before, command), &settings(after, command), applying)
    }

    fn said(words: &[&str], before: &str, after: &str) -> Vec<String> {
        compared(words, before, after).unwrap().sentences()
    }

    #[test]
    fn names_each_change_and_when_it_applies() {
        let none = ["settings reloaded, none of them changed"];
        for words in [&["watch"][..], &[]] {
            assert_eq!(said(words, "comm = 'a'", "# moved\ncomm = 'a'"), none);
            assert_eq!(
                said(words, "comm = 'a'\nredact = true\nhistory = '5s'", "\ncgroup = '/a'\nhistory = '9s'"),
                [
                    "settings reloaded, changed: `cgroup` (f:2), `comm` (not set any more)",
                    "`history` in f:3 takes effect at the next start",
                    "`redact` is not set any more, which takes effect at the next start",
                ]
            );
        }
        assert_eq!(
            said(&["watch"], "", "journal = true"),
            [
                "settings reloaded, none of those that apply at once changed",
                "`journal` in f:1 takes effect at the next start"
            ]
        );
    }

    #[test]
    fn the_command_line_still_comes_first() {
        let changes = compared(&["watch", "--comm", "typed"], "comm = 'a'", "comm = 'b'").unwrap();
        assert_eq!(changes.sentences(), ["settings reloaded, none of them changed"]);
        assert_eq!(changes.cli.watch().unwrap().only.comm.as_deref(), Some("typed".as_ref()));
    }

    #[test]
    fn a_setting_for_the_next_start_is_named_until_then() {
        let first = compared(&["watch"], "comm = 'a'", "comm = 'b'\nredact = true").unwrap();
        let words = ["oomtrace", "watch"].map(OsString::from);
        let again = settings("comm = 'b'\nredact = true", "watch");
        let second = compare(&words, &first.running, &again, &APPLYING).unwrap();
        assert_eq!(second.now, []);
        assert_eq!(
            second.sentences().last().unwrap(),
            "`redact` in f:2 takes effect at the next start",
            "{second:?}"
        );
    }

    #[test]
    fn settings_of_the_other_command_do_not_count() {
        let words = ["record", "--dir", "/a"];
        assert_eq!(
            said(
                &words,
                "format = 'json'\nmax-total = '1G'",
                "max-total = '2G'\ncomm = 'x'\n[watch]\nredact = true"
            ),
            ["settings reloaded, changed: `max-total` (f:1)"]
        );
    }

    #[test]
    fn refuses_what_the_next_start_would_refuse() {
        let refused =
            |words: &[&str], after: &str| compared(words, "dir = '/a'", after).unwrap_err().to_string();
        assert!(refused(&["watch"], "\npid = 'x'").starts_with("f:2: `pid`: invalid value 'x'"));
        assert!(refused(&["watch"], "forecast = 9\nhistory = 'off'").contains("--forecast needs"));
        let missing = refused(&["record"], "");
        assert!(missing.contains("required") && missing.contains("--dir"), "{missing}");
    }
}
