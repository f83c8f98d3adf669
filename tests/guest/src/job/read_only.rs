//! Makes the disk read-only while the recorder writes to it.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use oomtrace_scenarios::job::{self, HOG_FILE, TRACER_FILE, Tier, Watch};
use oomtrace_scenarios::observation::CommandRun;
use oomtrace_scenarios::read_only::{FAILS, GOES_ON, RECORDING_FILE, ReadOnlyRun};
use oomtrace_scenarios::reset::{DISK_DIRECTORY, tells_all};
use rustix::mount::{MountFlags, mount_remount};

use crate::job::command;
use crate::machine::port::Port;
use crate::processes::{Process, Processes};
use crate::tracer::{Tracer, text};

/// The time limit of each step. Emulation is slow, and slower on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Record one kill before the change, one while the disk is read-only, and one after.
pub(crate) fn record(tier: Tier, port: &mut Port) -> Result<()> {
    let (mut processes, mut run) = (Processes::new(), ReadOnlyRun::default());
    let how = Watch::to_file(tier, RECORDING_FILE);
    let tracer = Tracer::start(&mut processes, &how, Stdio::piped())?;
    kill_one(&tracer, &mut processes, &mut run)?;
    make_read_only()?;
    kill_one(&tracer, &mut processes, &mut run)?;
    tracer.must_say(FAILS, &mut processes)?;
    run.meanwhile = list("list while the disk is read-only");
    mount_remount(DISK_DIRECTORY, MountFlags::empty(), "").context("making the disk writable again")?;
    tracer.must_say(GOES_ON, &mut processes)?;
    kill_one(&tracer, &mut processes, &mut run)?;
    let process = tracer.end(&mut processes)?;
    (run.status, run.stderr) = (process.status, text(&process.err));
    run.lines = process.out.iter().map(|line| line.as_slice().into()).collect();
    run.after = list("list in the end");
    port.send(&run)
}

/// One process allocates all memory and is killed. The tracer must report it.
fn kill_one(tracer: &Tracer, processes: &mut Processes, run: &mut ReadOnlyRun) -> Result<()> {
    let mut hog = Command::new(HOG_FILE);
    hog.args(["--adj", "1000", "anon", "--mib", "4096"]).current_dir("/tmp").stdout(Stdio::piped());
    let number = processes.start(&mut hog)?;
    let pid = processes.get(number)?.pid;
    run.killed.push(pid);
    let told = |lines: &[Vec<u8>]| tells_all(&[pid], lines.iter().map(Vec::as_slice));
    ensure!(
        tracer.has_told(told, Instant::now() + PATIENCE, processes)?,
        "the kill of {pid} was not reported"
    );
    processes.until(Instant::now() + PATIENCE, |p| p.get(number).is_ok_and(Process::is_over))?;
    Ok(())
}

/// Make the disk read-only as the kernel does after an error, although files are open for writing.
/// <https://github.com/torvalds/linux/blob/v6.12/fs/super.c> (`emergency_remount`)
fn make_read_only() -> Result<()> {
    fs::write("/proc/sysrq-trigger", "u").context("remounting everything read-only")?;
    let deadline = Instant::now() + PATIENCE;
    while !is_read_only()? {
        if Instant::now() >= deadline {
            bail!("{DISK_DIRECTORY} is not read-only after {PATIENCE:?}");
        }
        // A kernel worker makes the change and gives no notice.
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn is_read_only() -> Result<bool> {
    let mounts = fs::read_to_string("/proc/self/mounts").context("reading /proc/self/mounts")?;
    let mut fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let disk =
        fields.find(|fields| fields.get(1) == Some(&DISK_DIRECTORY)).context("the disk is not mounted")?;
    Ok(disk.get(3).is_some_and(|options| options.split(',').any(|option| option == "ro")))
}

fn list(name: &str) -> CommandRun {
    let arguments = [TRACER_FILE, "list", RECORDING_FILE, "--format", "json"].map(str::to_owned).to_vec();
    command::observe(&job::Command { name: name.to_owned(), arguments, ..job::Command::default() })
}
