//! PID 1 of a test guest. It mounts the file systems that a tracer needs, does the job in its initramfs, sends the results
//! through the second serial port, and powers the guest down.

mod cgroup;
mod job;
mod leftovers;
mod machine;
mod offspring;
mod pid_namespace;
mod processes;
mod relief;
mod runs;
mod scenario;
mod tracer;

use self::job::{command, cost, experiment, fixed_work, read_only, reset, storm};
use self::machine::{boot_settings, disk, modules, mounts, port::Port, swap, watchdog};
use std::fs;

use anyhow::{Context, Result, bail};
use oomtrace_scenarios::cost::FIXED_WORK;
use oomtrace_scenarios::job::{JOB_FILE, Job, READY, RECORDING_FILE, Work};
use rustix::system::{RebootCommand, reboot};

fn main() {
    // This runs on the host, not in a guest, for comparison.
    if std::env::args().nth(1).is_some_and(|word| word == FIXED_WORK) {
        if let Err(error) = say_fixed_work() {
            eprintln!("guest: {error:#}");
        }
        return;
    }
    if let Err(error) = work() {
        eprintln!("guest: {error:#}");
    }
    go_down();
}

fn say_fixed_work() -> Result<()> {
    println!("{}", serde_json::to_string(&fixed_work::measure()?)?);
    Ok(())
}

/// The whole job.
fn work() -> Result<()> {
    let job = fs::read(JOB_FILE).with_context(|| format!("reading {JOB_FILE}"))?;
    let job: Job = serde_json::from_slice(&job).with_context(|| format!("reading {JOB_FILE}"))?;
    let asks = matches!(job.work, Work::FromPort);
    if !asks {
        watchdog::start(job.deadline_s);
    }
    mounts::mount_all(job.hierarchy, job.tracefs)?;
    boot_settings::hold()?;
    modules::load_all()?;
    swap::set_up(job.swap_mib)?;
    if job.disk {
        disk::mount_it()?;
    }
    // Every process inherits this value. `hog` sets its own, and the tracer keeps it.
    fs::write("/proc/self/oom_score_adj", "-1000").context("protecting the guest's init")?;
    // Print only emergencies on the console, such as a panic, because the console is slow.
    fs::write("/proc/sys/kernel/printk", "1").context("quieting the console")?;
    let mut port = Port::open()?;
    let work = if asks { ask(&mut port)? } else { job.work };
    do_work(&work, &mut port)?;
    port.close()
}

/// Ask the host for the work.
fn ask(port: &mut Port) -> Result<Work> {
    port.send(&READY)?;
    let job: Job = port.receive()?;
    watchdog::start(job.deadline_s);
    Ok(job.work)
}

fn do_work(work: &Work, port: &mut Port) -> Result<()> {
    match work {
        Work::FromPort => bail!("the host answered with the question"),
        Work::Scenarios { scenarios, watch } => {
            for scenario in scenarios {
                let seen = scenario::observe(scenario, watch.as_ref(), port);
                // The tracer never overwrites a recording. If the removal fails, the next scenario reports it.
                drop(fs::remove_file(RECORDING_FILE));
                port.send(&seen)?;
            }
        }
        Work::RecordAndReset { tier } => reset::record_and_reset(*tier, port)?,
        Work::RecordUntilPanic { tier } => reset::record_until_panic(*tier, port)?,
        Work::RecordToReadOnly { tier } => read_only::record(*tier, port)?,
        Work::Commands(commands) => {
            for command in commands {
                port.send(&command::observe(command))?;
            }
        }
        Work::Cost(plan) => cost::measure(plan, port)?,
        Work::Storms(plan) => storm::run(plan, port)?,
        Work::Experiments { experiments, tier } => {
            for experiment in experiments {
                let seen = experiment::observe(experiment, *tier, port);
                port.send(&seen)?;
            }
        }
    }
    Ok(())
}

/// Reset the machine. QEMU runs with `-no-reboot`, so it exits.
fn go_down() -> ! {
    if let Err(error) = reboot(RebootCommand::Restart) {
        eprintln!("guest: resetting: {error}");
    }
    loop {
        std::thread::park();
    }
}
