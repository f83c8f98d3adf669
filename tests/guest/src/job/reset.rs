//! Resets the machine right after it ran out of memory, or lets the kernel panic.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use oomtrace_scenarios::job::{Tier, Watch};
use oomtrace_scenarios::panic;
use oomtrace_scenarios::reset::{RECORDING_FILE, scenario, tells_all};

use crate::machine::port::Port;
use crate::processes::Processes;
use crate::runs::Runs;
use crate::tracer::Tracer;

/// The time limit for the kills.
const DYING: Duration = Duration::from_secs(150);

/// The delay after a decision within which its incident is on disk. No operator is faster.
const PROMISED: Duration = Duration::from_millis(100);

/// Record, and reset the machine after the report of the last kill. The list of processes goes through the port before.
pub(crate) fn record_and_reset(tier: Tier, port: &mut Port) -> Result<()> {
    let (scenario, mut processes) = (scenario(), Processes::new());
    let runs = Runs::start(&scenario, &mut processes)?;
    let how = Watch::to_file(tier, RECORDING_FILE);
    let tracer = Tracer::start(&mut processes, &how, Stdio::piped())?;
    let started = runs.seen(&processes)?;
    port.send(&started)?;
    runs.give_word(DYING, &mut processes)?;
    let pids: Vec<u32> = started.iter().map(|process| process.pid).collect();
    let all_told = |lines: &[Vec<u8>]| tells_all(&pids, lines.iter().map(Vec::as_slice));
    if !tracer.has_told(all_told, Instant::now() + DYING, &mut processes)? {
        bail!("not all kills were reported within {DYING:?}");
    }
    std::thread::sleep(PROMISED);
    // Reset immediately: nothing is synced, unmounted or shut down.
    // <https://github.com/torvalds/linux/blob/v6.12/drivers/tty/sysrq.c#L156> (`sysrq_handle_reboot`)
    fs::write("/proc/sysrq-trigger", "b").context("resetting the machine")
}

/// Record with forecasts while a process grows, until the kernel panics. The process goes through the port when it is in a forecast.
pub(crate) fn record_until_panic(tier: Tier, port: &mut Port) -> Result<()> {
    fs::write("/proc/sys/vm/panic_on_oom", "1").context("setting vm.panic_on_oom")?;
    let (scenario, mut processes) = (panic::scenario(), Processes::new());
    let runs = Runs::start(&scenario, &mut processes)?;
    let to_file = Watch::to_file(tier, panic::RECORDING_FILE);
    let how = Watch { forecast_s: Some(panic::HORIZON_S), ..to_file };
    let tracer = Tracer::start(&mut processes, &how, Stdio::piped())?;
    runs.give_word(DYING, &mut processes)?;
    let leak = runs.seen(&processes)?.into_iter().next().context("no process was started")?;
    let grower = format!("\"pid\":{},", leak.pid);
    let is_forecast = |line: &[u8]| {
        let text = String::from_utf8_lossy(line);
        text.contains("\"kind\":\"forecast\"") && text.contains(&grower)
    };
    let is_told = |lines: &[Vec<u8>]| lines.iter().any(|line| is_forecast(line));
    if !tracer.has_told(is_told, Instant::now() + DYING, &mut processes)? {
        bail!("no forecast within {DYING:?}");
    }
    port.send(&leak)?;
    processes.until(Instant::now() + DYING, |_| false)?;
    bail!("the kernel did not panic within {DYING:?}")
}
