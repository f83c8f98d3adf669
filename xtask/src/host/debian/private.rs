//! A private apt, which shares only the network settings with the machine's apt.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use oomtrace_object::Arch;

use crate::host::{run::output, workspace};

/// The keys that sign every Debian suite, from the package debian-archive-keyring.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// apt's settings and lists for one suite of one mirror.
pub(super) struct Private {
    config: PathBuf,
    /// Locked while the lists are in use: a second apt would fail instead of waiting.
    _lock: File,
}

impl Private {
    /// Writes the settings and fetches nothing.
    pub(super) fn new(suite: &str, arch: Arch, mirror: &str) -> Result<Self> {
        ensure!(Path::new(KEYRING).is_file(), "{KEYRING} is missing: install debian-archive-keyring");
        let directory = workspace::cache()?.join("apt").join(folder_name(suite, arch));
        for name in ["state/lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(directory.join(name))
                .with_context(|| format!("cannot create {}", directory.join(name).display()))?;
        }
        let lock = File::create(directory.join("lock"))?;
        lock.lock()?;
        let config = directory.join("apt.conf");
        fs::write(
            directory.join("sources.list"),
            format!("deb [signed-by={KEYRING}] {mirror} {suite} main\n"),
        )?;
        fs::write(&config, settings(&directory, arch, &machine_settings()?))?;
        Ok(Self { config, _lock: lock })
    }

    /// Fetches the suite's index, unless the local one is the newest.
    pub(super) fn update(&self) -> Result<()> {
        let mut update = self.command("apt-get");
        // Without this mode, apt only warns about a mirror that does not answer, and uses an old list.
        update.args(["update", "--quiet=2", "--option=APT::Update::Error-Mode=any"]);
        output(&mut update).map(drop).map_err(|error| anyhow!("{}", first_error(&format!("{error:#}"))))
    }

    /// A command of apt with these settings.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", &self.config).env("LC_ALL", "C");
        command
    }
}

/// apt's first error. The later ones follow from it.
fn first_error(message: &str) -> &str {
    let after = message.split_once("E: ").map_or(message, |(_, after)| after);
    after.lines().next().unwrap_or(after)
}

/// The network settings of the machine's apt: proxies, timeouts, certificates. No other setting is copied, above all no hooks,
/// because hooks act on the machine's own directories.
fn machine_settings() -> Result<String> {
    let all = output(Command::new("apt-config").arg("dump"))?;
    let is_network =
        |line: &&str| line.starts_with("Acquire::") && !line.starts_with("Acquire::IndexTargets");
    Ok(all.lines().filter(is_network).flat_map(|line| [line, "\n"]).collect())
}

/// The directory name. Each architecture has separate lists, because apt removes lists that its settings do not name.
fn folder_name(suite: &str, arch: Arch) -> String {
    match arch {
        Arch::X86_64 => suite.to_owned(),
        Arch::Aarch64 => format!("{suite}-{}", debian_name(arch)),
    }
}

/// Debian's name of an architecture.
fn debian_name(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 => "amd64",
        Arch::Aarch64 => "arm64",
    }
}

fn settings(directory: &Path, arch: Arch, machine: &str) -> String {
    let (directory, architecture) = (directory.display(), debian_name(arch));
    format!(
        "{machine}
Acquire::Languages \"none\";
APT::Architecture \"{architecture}\";
APT::Architectures {{ \"{architecture}\"; }};
APT::Sandbox::User \"root\";
Dir::Cache \"{directory}/cache\";
Dir::State \"{directory}/state\";
Dir::State::status \"/dev/null\";
Dir::Etc::main \"/dev/null\";
Dir::Etc::parts \"/dev/null\";
Dir::Etc::preferences \"/dev/null\";
Dir::Etc::preferencesparts \"/dev/null\";
Dir::Etc::sourcelist \"{directory}/sources.list\";
Dir::Etc::sourceparts \"/dev/null\";
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separates_the_lists_of_architectures() {
        let names = Arch::ALL.map(|arch| folder_name("trixie", arch));
        assert_eq!(names, ["trixie", "trixie-arm64"]);
        let settings = settings(Path::new("/cache"), Arch::Aarch64, "");
        assert!(settings.contains("APT::Architectures { \"arm64\"; };"), "{settings}");
    }

    #[test]
    fn reports_a_failed_update_in_one_line() {
        let message =
            "`apt-get update` failed (exit status: 100): E: Could not connect\nE: Some index files failed";
        assert_eq!(first_error(message), "Could not connect");
        assert_eq!(first_error("cannot run `apt-get`: not found"), "cannot run `apt-get`: not found");
    }
}
