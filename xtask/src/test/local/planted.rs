//! Files that another user planted where root reads and writes. The tests of the crates cover the cases that need no second
//! user.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};

use super::Local;
use crate::host::scratch::Scratch;

/// Another user.
const NOBODY: u32 = 65534;

/// A directory of root with planted files.
struct Top(tempfile::TempDir);

impl Top {
    fn new() -> Result<Self> {
        let top = tempfile::tempdir().context("making a directory")?;
        // Other users may read it, as they may read /var/lib.
        fs::set_permissions(top.path(), fs::Permissions::from_mode(0o755)).context("opening it")?;
        Ok(Self(top))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn directory(&self, name: &str, mode: u32, owner: u32) -> Result<PathBuf> {
        let path = self.path(name);
        fs::create_dir(&path).with_context(|| format!("making {}", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).context("setting its mode")?;
        chown(&path, Some(owner), None).context("giving it away")?;
        Ok(path)
    }
}

fn run(local: &Local, arguments: &[&str], path: &Path) -> Result<Output> {
    let mut command = Command::new(local.program("oomtrace"));
    command.args(arguments).arg(path).output().context("running oomtrace")
}

fn refused(output: &Output, words: &[&str]) -> Result<()> {
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(!output.status.success(), "not refused: {said}");
    for word in ["refusing"].iter().chain(words) {
        ensure!(said.contains(word), "`{word}` is not in: {said}");
    }
    Ok(())
}

/// A user who owns the directory or the file plants a journal. It names a cgroup to kill and a limit to set. Checks that
/// oomtrace does neither.
pub(super) fn journal(local: &Local) -> Result<()> {
    let scratch = Scratch::new(&local.hierarchy, b"oomtrace-experiment-0", 1 << 20)?;
    let knobs = ["memory.high", "memory.soft_limit_in_bytes"].map(|file| scratch.path.join(file));
    let knob = knobs.into_iter().find(|knob| knob.exists()).context("no file to be a knob")?;
    let before = fs::read_to_string(&knob).context("reading a limit")?;
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").context("reading the boot id")?;
    let journal = serde_json::json!({
        "boot_id": boot_id.trim(),
        "file": "a.toml",
        "scratch": scratch.path,
        "switched_on": null,
        "knobs": [{ "path": knob, "value": "4096" }],
    });
    let top = Top::new()?;
    for (name, owner) in [("directory", NOBODY), ("file", 0)] {
        let state = top.directory(name, 0o700, owner)?;
        let path = state.join("experiment.json");
        fs::write(&path, journal.to_string()).context("planting a journal")?;
        chown(&path, Some(NOBODY), None).context("giving the journal away")?;
        let output = run(local, &["experiment", "--restore", "--state"], &state)?;
        refused(&output, &["it is owned by uid 65534, not root", "--state DIR"])?;
        ensure!(path.exists(), "the journal is gone");
        ensure!(scratch.path.exists(), "the cgroup was removed");
        ensure!(fs::read_to_string(&knob).context("reading a limit")? == before, "the limit was set");
    }
    Ok(())
}

/// Checks that a page is not written over a file that another user planted in a shared directory, nor through a planted link.
pub(super) fn page(local: &Local) -> Result<()> {
    let top = Top::new()?;
    let shared = top.directory("shared", 0o1777, 0)?;
    let (secret, planted, link) = (top.path("secret"), shared.join("page.html"), shared.join("link.html"));
    fs::write(&secret, "as it was").context("writing a secret")?;
    fs::write(&planted, "planted").context("planting a file")?;
    chown(&planted, Some(NOBODY), None).context("giving it away")?;
    std::os::unix::fs::symlink(&secret, &link).context("planting a link")?;
    std::os::unix::fs::lchown(&link, Some(NOBODY), None).context("giving the link away")?;
    let golden = crate::host::workspace::root().join("tests/recordings/v1-several-fentry.oomtrace");
    let golden = golden.display().to_string();
    refused(&run(local, &["list", &golden, "--html"], &planted)?, &["it is owned by uid 65534, not root"])?;
    refused(&run(local, &["list", &golden, "--html"], &link)?, &["symbolic link"])?;
    ensure!(
        fs::read_to_string(&secret).context("reading the secret")? == "as it was",
        "the link was followed"
    );
    ensure!(
        fs::read_to_string(&planted).context("reading the planted file")? == "planted",
        "the planted file was overwritten"
    );
    let written = run(local, &["list", &golden, "--html"], &shared.join("new.html"))?;
    ensure!(written.status.success(), "a new page was not written: {}", written.stderr.escape_ascii());
    Ok(())
}

/// A service's directory may contain links, pipes and files that are not recordings. Checks that `list` as root continues with
/// the next file.
pub(super) fn recordings(local: &Local) -> Result<()> {
    let top = Top::new()?;
    let directory = top.directory("recordings", 0o700, NOBODY)?;
    let golden = crate::host::workspace::root().join("tests/recordings/v1-several-fentry.oomtrace");
    fs::copy(golden, directory.join("9.oomtrace")).context("copying a recording")?;
    std::os::unix::fs::symlink("/etc/shadow", directory.join("1.oomtrace")).context("planting a link")?;
    let pipe =
        Command::new("mkfifo").arg(directory.join("2.oomtrace")).status().context("planting a pipe")?;
    ensure!(pipe.success(), "no pipe was created");
    fs::write(directory.join("3\x1b[2J.oomtrace"), "no recording").context("planting a name")?;
    let output = run(local, &["list", "--format", "json"], &directory)?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(6), "list exited with {}: {said}", output.status);
    ensure!(said.contains("symbolic link"), "the link is not reported: {said}");
    ensure!(
        said.contains("3\\x1b[2J") && !said.contains('\x1b'),
        "the name is not shown as it should: {said}"
    );
    ensure!(!output.stdout.is_empty(), "the recording was not listed: {said}");
    Ok(())
}
