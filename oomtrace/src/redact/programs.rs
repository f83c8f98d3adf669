//! One-letter options whose value is a secret, by program: `-p` is a port in one program and a password in another.

/// An option and the form of its value.
struct Letter {
    /// Prefixes of the program's name.
    programs: &'static [&'static str],
    /// The option, including its dash.
    option: &'static str,
    /// Whether the value may be in the same argument.
    attached: bool,
    /// Whether the value may be the next argument.
    separate: bool,
    /// Only the part after this byte of the value is secret: `user:password`.
    behind: Option<u8>,
}

const fn letter(
    programs: &'static [&'static str],
    option: &'static str,
    (attached, separate): (bool, bool),
    behind: Option<u8>,
) -> Letter {
    Letter { programs, option, attached, separate, behind }
}

const LETTERS: [Letter; 13] = [
    letter(&["mysql", "mariadb", "mycli"], "-p", (true, false), None),
    letter(&["mongo"], "-p", (true, true), None),
    letter(&["sshpass"], "-p", (true, true), None),
    letter(&["docker", "podman", "nerdctl", "az", "helm", "skopeo", "buildah"], "-p", (false, true), None),
    letter(&["7z", "7za", "rar", "unrar"], "-p", (true, false), None),
    letter(&["zip", "unzip"], "-P", (true, true), None),
    letter(&["sqlcmd", "bcp"], "-P", (true, true), None),
    letter(&["redis-cli", "valkey-cli", "redis-benchmark"], "-a", (false, true), None),
    letter(&["ldap"], "-w", (true, true), None),
    letter(&["curl"], "-u", (true, true), Some(b':')),
    letter(&["curl"], "--user", (false, true), Some(b':')),
    letter(&["curl"], "--proxy-user", (false, true), Some(b':')),
    letter(&["smbclient", "rpcclient"], "-U", (true, true), Some(b'%')),
];

/// The position of the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// In the same argument, from this byte on.
    Here(usize),
    /// The next argument, after the first byte with this value if there is one.
    Next(Option<u8>),
}

/// Names of the programs in a list of words. The last part of each word counts, because a shell may run any of them.
pub(super) fn is_named<'a>(words: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let name = |word: &&'a [u8]| word.rsplit(|byte| *byte == b'/').next();
    let known = |name: &&[u8]| LETTERS.iter().any(|letter| letter.is_of(name));
    words.iter().filter_map(name).filter(known).collect()
}

/// The secret in an argument of these programs.
pub(super) fn secret(programs: &[&[u8]], argument: &[u8]) -> Option<Found> {
    let of_programs = LETTERS.iter().filter(|letter| programs.iter().any(|name| letter.is_of(name)));
    of_programs.filter_map(|letter| letter.found(argument)).next()
}

impl Letter {
    fn is_of(&self, name: &[u8]) -> bool {
        // `mysql` is a prefix of `mysqldump`, but `az` is not accepted as one of `azure-agent`.
        let is_family = |program: &&str| program.len() >= 4 && name.starts_with(program.as_bytes());
        self.programs.iter().any(|program| name == program.as_bytes() || is_family(program))
    }

    fn found(&self, argument: &[u8]) -> Option<Found> {
        let rest = argument.strip_prefix(self.option.as_bytes())?;
        if rest.is_empty() {
            return self.separate.then_some(Found::Next(self.behind));
        }
        let from = match self.behind {
            Some(behind) => rest.iter().position(|byte| *byte == behind)? + 1,
            None => 0,
        };
        (self.attached && from < rest.len()).then_some(Found::Here(self.option.len() + from))
    }
}
